"""Ray's own test cluster on this machine, in a process of its own: machines with GPUs that are not there."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

SERVING = """
import json, sys
from ray.cluster_utils import Cluster
has = json.loads(sys.argv[1])
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "num_gpus": 0, "include_dashboard": False})
nodes = {}
for line in sys.stdin:
    do, _, name = line.strip().partition(" ")
    if do == "add":
        nodes[name] = cluster.add_node(**has)
        cluster.wait_for_nodes()
    else:
        cluster.remove_node(nodes.pop(name), allow_graceful=False)
    print(cluster.address, flush=True)
cluster.shutdown()
"""


class RayCluster:
    """A head that runs nothing, and named machines that come and go. Everything of it ends with `close`."""

    def __init__(self, cpus: float = 1, gpus: float = 1) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ov-ray-", dir="/tmp"))  # paths of sockets must be short
        self.token = secrets.token_hex(32)
        self._log = (self.folder / "log").open("w")
        own = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.token,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_TMPDIR": str(self.folder),
        }
        has = json.dumps({"num_cpus": cpus, "num_gpus": gpus, "object_store_memory": 100_000_000})
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVING, has],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=os.environ | own,
            cwd=self.folder,
            start_new_session=True,
        )
        self.address = self.add("first")

    def environment(self, **more: str) -> dict[str, str]:
        """Return what it takes to be a driver of this cluster."""
        return {"RAY_ADDRESS": self.address, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token, **more}

    def add(self, name: str) -> str:
        """Add a machine; return the address of the head."""
        return self._do(f"add {name}")

    def lose(self, name: str) -> None:
        """Kill a machine."""
        self._do(f"lose {name}")

    def lose_the_head(self) -> None:
        """Kill what knows all machines."""
        for process in psutil.Process(self._process.pid).children(recursive=True):
            if "gcs_server" in _title(process):
                process.kill()

    def at_work(self) -> list[psutil.Process]:
        """Return the processes that train something of ours."""
        mine = psutil.Process(self._process.pid).children(recursive=True)
        return [process for process in mine if "train_there" in _title(process)]

    def _do(self, what: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        assert answer, (self.folder / "log").read_text()[-3000:]
        return answer

    def close(self) -> None:
        """End all of it."""
        everyone = psutil.Process(self._process.pid).children(recursive=True)
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=20)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for process in everyone:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _title(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return " ".join(process.cmdline())
    return ""


def settings(cluster: RayCluster, **more: Any) -> dict[str, str]:
    """Return this process's environment with what a driver of the cluster needs."""
    return os.environ | cluster.environment(**more)
