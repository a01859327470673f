"""The engine that executes a launch's runs: worker processes on this machine, or a Ray cluster."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from overthink.execution.jobs import Engine, EngineError
from overthink.execution.local import LocalEngine
from overthink.execution.remote import ClusterEngine
from overthink.execution.resources import Resources
from overthink.launching.outcomes import Options
from overthink.settings import check_settings
from overthink.store.liveness import HEARTBEAT_SECONDS
from overthink.store.uri import is_server, state_folder, without_password

CLUSTER = (sys.executable, "-m", "overthink.execution.ray.driver")
LOOK = (sys.executable, "-m", "overthink.execution.ray.look")


def check_engine(options: Options, store_uri: str) -> None:
    """Raise ValueError where an engine does not go with a store, or a setting is none."""
    check_settings()
    if options.engine == "ray" and not is_server(store_uri):
        raise ValueError(
            f"--engine ray: store {without_password(store_uri)} keeps files on this machine, and they would be lost "
            "with it; MLFLOW_TRACKING_URI must name a server that outlives it (docs/server.md)"
        )


def cluster_seen(resources: Resources) -> dict[str, Any]:
    """Return what there is to see of the cluster; raises EngineError where there is none."""
    asked = subprocess.run([*LOOK, str(resources)], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        last = asked.stderr.strip().splitlines()[-1:]
        raise EngineError(f"the cluster could not be looked at: {', '.join(last) or f'exit code {asked.returncode}'}")
    seen: dict[str, Any] = json.loads(asked.stdout)
    if "gone" in seen:
        raise EngineError(seen["gone"])
    return seen


def with_jobs(options: Options) -> Options:
    """Return options that say how many runs there are at once, where they leave it to the cluster."""
    if options.engine != "ray" or options.jobs:
        return options
    return replace(options, jobs=max(cluster_seen(options.resources)["room"], 1))


def engine_for(options: Options, on_message: Callable[[str], None]) -> Engine:
    """Return the engine that the options name; `on_message` receives what there is to know about a cluster."""
    logs = state_folder() / "workers"
    if options.engine == "ray":
        command = (*CLUSTER, str(options.resources), str(options.jobs))
        return ClusterEngine(command, logs / "ray.log", on_message, HEARTBEAT_SECONDS)
    return LocalEngine(max(options.jobs, 1), logs, HEARTBEAT_SECONDS)
