"""A network of one's own on a cluster: its machines need the same package, and say so where they have another one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from support.mlflow_server import Served
from support.plugins import EXAMPLE
from support.ray_cluster import RayCluster

SHORT = ("--seeds", "0", "--set", "regime.0.epochs=1", "--set", "dataset.train=100")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cluster of one machine, and the folder that it finds packages in besides its own."""
    pytest.importorskip("ray")
    there = tmp_path / "there"
    shutil.copytree(EXAMPLE / "own_network", there / "own_network")
    monkeypatch.setenv("PYTHONPATH", str(there), prepend=":")
    cluster = RayCluster()
    try:
        for name, value in cluster.environment().items():
            monkeypatch.setenv(name, value)
        yield there
    finally:
        cluster.close()


def ran(folder: Path, here: Path) -> "subprocess.CompletedProcess[str]":
    words = ["run", "stripes.yaml", "--plugin", "own_network", "--engine", "ray", "--kernels", "torch", *SHORT]
    return subprocess.run(
        [sys.executable, "-m", "overthink.cli", *words],
        cwd=folder,  # Ray puts it into the path of workers, so the package does not lie there
        env={**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{os.environ['PYTHONPATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(600)
def test_machines_need_the_same_package(served: Served, machine: Path, tmp_path: Path) -> None:
    here, work = tmp_path / "here", tmp_path / "work"
    shutil.copytree(EXAMPLE, here)
    work.mkdir()
    shutil.copy(here / "stripes.yaml", work)
    network = machine / "own_network" / "network.py"
    as_written = network.read_text()

    network.write_text(as_written + "\n# another version\n")
    refused = ran(work, here)
    assert refused.returncode != 0
    assert "it was made with" in " ".join(refused.stderr.split()), refused.stderr
    assert [run.outcome for run in find_runs(Store(), kind=tags.KIND_RUN)] == []

    network.write_text(as_written)
    done = ran(work, here)
    assert done.returncode == 0, done.stderr
    assert [run.outcome for run in find_runs(Store(), kind=tags.KIND_RUN)] == [tags.FINISHED] * 2
