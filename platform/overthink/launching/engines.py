"""The engine that executes a launch's runs: worker processes on this machine, or a Ray cluster."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

from overthink.execution.cluster_state import ClusterState
from overthink.execution.jobs import Engine, EngineError
from overthink.execution.local import LocalEngine
from overthink.execution.remote import ClusterEngine
from overthink.execution.resources import Resources
from overthink.launching.outcomes import Options
from overthink.settings import check_settings
from overthink.store.liveness import HEARTBEAT_SECONDS
from overthink.store.uri import is_server, state_folder, without_password

CLUSTER = (sys.executable, "-m", "overthink.execution.ray.driver")
DESCRIBE = (sys.executable, "-m", "overthink.execution.ray.describe")

KEPT_SECONDS = 86400.0
"""How long what workers printed is kept at least."""


def check_engine(options: Options, store_uri: str) -> None:
    """Raise ValueError where the engine cannot use the store, or a setting is invalid."""
    check_settings(options.data_root)
    if options.engine == "ray" and not is_server(store_uri):
        raise ValueError(
            f"--engine ray: store {without_password(store_uri)} keeps files on this machine, and they would be lost "
            "with it; MLFLOW_TRACKING_URI must name a server that outlives it (docs/server.md)"
        )


def cluster_state(resources: Resources) -> ClusterState:
    """Return the state of the cluster; raises EngineError where there is none."""
    asked = subprocess.run(
        [*DESCRIBE, str(resources)], capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if asked.returncode != 0:
        last = asked.stderr.strip().splitlines()[-1:]
        raise EngineError(
            f"the state of the cluster could not be read: {', '.join(last) or f'exit code {asked.returncode}'}"
        )
    plain = json.loads(asked.stdout)
    if "gone" in plain:
        raise EngineError(plain["gone"])
    return ClusterState.model_validate_json(asked.stdout)


def with_jobs(options: Options) -> Options:
    """Return options with a number of parallel runs, also where they leave it to the cluster."""
    if options.engine != "ray" or options.jobs:
        return options
    return replace(options, jobs=max(cluster_state(options.resources).room, 1))


def engine_for(options: Options, on_message: Callable[[str], None]) -> Engine:
    """Return the engine that the options name; `on_message` receives what there is to know about a cluster."""
    logs = _log_folder()
    if options.engine == "ray":
        command = (*CLUSTER, str(options.resources), str(options.jobs))
        return ClusterEngine(command, logs / "ray.log", on_message, HEARTBEAT_SECONDS)
    return LocalEngine(max(options.jobs, 1), logs, HEARTBEAT_SECONDS)


def _log_folder() -> Path:
    """Return a folder of this launch alone for what its workers print; those of launches that have ended are removed.

    Other machines may have the same state folder, and processes of the same numbers.
    """
    of_all = state_folder() / "workers"
    for earlier in of_all.iterdir() if of_all.is_dir() else ():
        with suppress(OSError, ValueError):  # ValueError: a file of an earlier version
            is_old = time.time() - earlier.stat().st_mtime > KEPT_SECONDS
            if is_old and not psutil.pid_exists(int(earlier.name.partition("-")[0])):
                shutil.rmtree(earlier)
    return of_all / f"{os.getpid()}-{secrets.token_hex(4)}"
