"""Runs on a Ray cluster whose machines, workers and driver are killed: what comes out is what comes out at home."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from overthink.definition.loading import load_experiment
from overthink.execution.jobs import Job, Order
from overthink.execution.remote import ClusterEngine
from overthink.launching.engines import CLUSTER
from overthink.launching.launch import launch
from overthink.launching.outcomes import Options
from overthink.launching.plan import plan
from overthink.launching.planned_run import run_folder
from overthink.running.events import NAMES
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from support.launches import Quiet, attempts, lines_until, opened
from support.mlflow_server import Served
from support.outages import assert_nothing_lost_or_doubled, the_group
from support.ray_cluster import RayCluster
from support.small import definition, small

ARMS = {"all": ["split", "init", "order", "augment"], "init": ["init"], "order": ["order"]}
STUDY: dict[str, Any] = {
    "schema_version": 1,
    "kind": "study",
    "name": "repeats",
    "description": "Seven runs: one more than the cluster has room for.",
    "base": {"definition": "small.yaml"},
    "repeats": 3,
    "arms": ARMS,
}
RUNS = 7
LONG = {"regime": [{"epochs": 8, "drops": [4]}]}


def study_file(folder: Path) -> Path:
    definition(folder, **LONG)
    path = folder / "repeats.yaml"
    path.write_text(yaml.safe_dump(STUDY, sort_keys=False))
    return path


def trained_at_home(folder: Path, database: Path, file: Path) -> Path:
    """Train on this machine, undisturbed, into an SQLite store; return its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        assert launch(opened(folder, database, patch), [load_experiment(file)], Options(jobs=2), Quiet()).complete
    return folder


@pytest.fixture(scope="module")
def at_home(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    folder = tmp_path_factory.mktemp("home")
    return trained_at_home(folder, empty_database, study_file(folder))


@pytest.fixture(scope="module")
def three_at_home(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    folder = tmp_path_factory.mktemp("three")
    return trained_at_home(folder, empty_database, definition(folder, **LONG, seeds=3))


def begun(file: Path, *more: str) -> "subprocess.Popen[str]":
    """Start the command, as a person would; each epoch's checkpoint is sent."""
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "overthink.cli",
            "run",
            file.name,
            "--engine",
            "ray",
            "--resources",
            "gpu=0.5,cpu=0.5",
            *more,
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=file.parent,
        env=os.environ | {"OVERTHINK_CHECKPOINT_SECONDS": "0"},
    )


@pytest.mark.timeout(600)
def test_a_study_loses_a_worker_and_a_machine(
    served: Served, driver: RayCluster, at_home: Path, tmp_path: Path
) -> None:
    process = begun(study_file(tmp_path))
    said = list(lines_until(process, "epoch 2/8"))
    assert any("room for 6 runs of cpu=0.5,gpu=0.5 at once" in line for line in said)
    driver.at_work()[0].kill()
    said += lines_until(process, "its machine was lost")
    said += lines_until(process, "epoch 4/8")
    driver.lose("third")
    said += lines_until(process, "its machine was lost")
    driver.add("third")
    output, rest = process.communicate(timeout=500)
    assert process.returncode == 0, "".join(said) + rest
    assert f"{RUNS} finished" in rest
    assert "Traceback" not in rest
    assert "raylet" not in output
    store = Store()
    assert_nothing_lost_or_doubled(store, at_home, tmp_path, seeds=RUNS)
    assert the_group(store).outcome == tags.FINISHED
    told = [attempts(store, run.run_id, tmp_path / "told") for run in find_runs(store, kind=tags.KIND_RUN)]
    again = [attempt for made in told for attempt in made[1:]]
    assert again  # of the two that were lost, one may not have begun to train, and so left nothing
    assert any(attempt["epochs_before"] > 0 for attempt in again)


@pytest.mark.timeout(600)
def test_the_driver_is_killed_and_started_again(
    served: Served, driver: RayCluster, three_at_home: Path, tmp_path: Path
) -> None:
    file = definition(tmp_path, **LONG, seeds=3)
    process = begun(file)
    list(lines_until(process, "epoch 5/8"))
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 60
    while driver.at_work():  # a cluster whose driver is gone ends what it had begun
        assert time.monotonic() < deadline
        time.sleep(0.2)
    again = begun(file)
    _, rest = again.communicate(timeout=500)
    assert again.returncode == 0, rest
    assert "from a checkpoint" in rest
    assert_nothing_lost_or_doubled(Store(), three_at_home, tmp_path, seeds=3)


@pytest.mark.timeout(600)
def test_a_run_is_stopped_on_the_machine_that_it_is_at(driver: RayCluster, tmp_path: Path) -> None:
    run = small(tmp_path, regime=[{"epochs": 500}]).groups[0].runs[0]
    (tmp_path / "run").mkdir()
    order = Order(json.dumps(run.model_dump(mode="json")), str(tmp_path / "run"), "auto", None, None, 0.0)
    engine = ClusterEngine((*CLUSTER, "gpu=1", "0"), tmp_path / "ray.log", print)
    said = []
    for message in engine.execute([Job("long", order)]):
        assert message is not None
        said.append(NAMES[type(message.event)])
        if said.count("epoch") == 2 and said[-1] == "epoch":
            engine.stop("long")
    assert (said[0], said[-1]) == ("started", "died")
    assert len(said) < 100
    assert (tmp_path / "run" / "checkpoint.safetensors").exists()
    assert driver.at_work() == []


@pytest.mark.timeout(600)
def test_the_head_is_lost(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command ends in order; on a new cluster the same command goes on."""
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "3")
    file = definition(tmp_path, regime=[{"epochs": 40}], seeds=1)
    cluster = RayCluster()
    try:
        for name, value in cluster.environment().items():
            monkeypatch.setenv(name, value)
        process = begun(file)
        list(lines_until(process, "epoch 2/40"))
        cluster.lose_the_head()
        _, rest = process.communicate(timeout=200)
    finally:
        cluster.close()
    assert process.returncode == 1, rest
    assert "the cluster is gone" in rest
    assert "Traceback" not in rest
    (run,) = find_runs(Store(), kind=tags.KIND_RUN)
    assert run.outcome == tags.INTERRUPTED
    planned = plan(Store(), [load_experiment(file)], dry=True)
    assert [one.action for one in planned] == ["resume"]
    assert (run_folder(planned[0].key) / "checkpoint.safetensors").exists()
