"""What people see of a cluster: `overthink cluster`, and what `--engine ray` refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from overthink.launching.launch import launch
from overthink.launching.outcomes import Options
from overthink.launching.plan import plan
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from support.command import overthink
from support.launches import Quiet
from support.mlflow_server import Served
from support.ray_cluster import RayCluster
from support.small import definition, small
from support.small_sweep import sweep_file


def test_the_machines_are_shown(driver: RayCluster, tmp_path: Path) -> None:
    shown = overthink(tmp_path, "cluster", "--resources", "gpu=0.25,cpu=0.25")
    assert (shown.returncode, shown.stderr) == (
        0,
        "12 runs with cpu=0.25,gpu=0.25 fit at once (--resources); free now: cpu 3, gpu 3.\n",
    )
    assert len([line for line in shown.stdout.splitlines() if line.endswith(sys.version.split()[0])]) == 4
    seen = json.loads(overthink(tmp_path, "cluster", "--resources", "gpu=2", "--json").stdout)
    assert [machine["room"] for machine in seen["machines"]] == [0, 0, 0, 0]
    assert overthink(tmp_path, "cluster", "--resources", "gpu=2").returncode == 1


def test_a_wrong_token_is_refused(driver: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    refused = overthink(tmp_path, "cluster")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "RAY_AUTH_TOKEN is not its token" in refused.stderr
    assert refused.stderr.count("\n") == 1
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    monkeypatch.setenv("HOME", str(tmp_path))  # no ~/.ray/auth_token
    without = overthink(tmp_path, "cluster")
    assert (without.returncode, "requires its token, which is not on this machine" in without.stderr) == (1, True)
    assert not (tmp_path / ".ray").exists()


def test_without_a_cluster_nothing_is_begun(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, three_machines: RayCluster
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", three_machines.token)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    definition(tmp_path)
    refused = overthink(tmp_path, "run", "small.yaml", "--engine", "ray")
    assert refused.returncode == 1
    assert "no Ray cluster answers at 127.0.0.1:1" in refused.stderr
    assert "Traceback" not in refused.stderr
    monkeypatch.setenv("RAY_ADDRESS", "ray://127.0.0.1:1")
    assert "RAY_ADDRESS=ray://127.0.0.1:1: expected HOST:PORT" in overthink(tmp_path, "cluster").stderr
    assert find_runs(Store()) == []
    assert [run.action for run in plan(Store(), [small(tmp_path)], dry=True)] == ["train", "train"]


@pytest.mark.parametrize("name, file", [("run", "small.yaml"), ("sweep", "tiny-sweep.yaml")])
def test_a_file_of_one_machine_is_no_store_for_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path, name: str, file: str
) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    sweep_file(tmp_path)
    refused = overthink(tmp_path, name, file, "--engine", "ray")
    assert refused.returncode == 2
    assert refused.stderr == (
        f"error: --engine ray: store sqlite:///{tmp_path}/mlflow.db keeps files on this machine, and they would be "
        "lost with it; MLFLOW_TRACKING_URI must name a server that outlives it (docs/server.md)\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "mlflow.db",
        "small.yaml",
        "tiny-sweep.yaml",
    ]


@pytest.mark.parametrize(
    "options, why",
    [
        (["--engine", "slurm"], "--engine slurm: expected local or ray"),
        (["--resources", "gpu=1"], "--resources gpu=1: requires --engine ray"),
        (["--engine", "ray", "--resources", "gpu"], "expected NAME=AMOUNT such as gpu=0.25,cpu=1, not 'gpu'"),
        (["--engine", "ray", "--resources", "cpu=1", "--device", "cuda"], "sees no GPU; add --resources cpu=1,gpu=1"),
        (["--engine", "ray", "--device", "cuda"], "a run without GPU resources sees no GPU; add --resources gpu=1"),
        (["--engine", "ray", "--resources", "gpu=1", "--device", "cuda:3"], "--device cuda:3: a run on a cluster sees"),
        (["--engine", "ray", "--resources", "CPU=1"], "write cpu, not CPU"),
    ],
)
def test_what_does_not_go_together_is_said(tmp_path: Path, options: list[str], why: str) -> None:
    definition(tmp_path)
    refused = overthink(tmp_path, "run", "small.yaml", *options)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert why in refused.stderr


ALWAYS_LOST = """
import json, sys
for line in sys.stdin:
    print(json.dumps({"job": json.loads(line)["job"], "event": "lost", "message": "gone"}), flush=True)
"""
LOST_AFTER_ONE_EPOCH = """
import json, sys
started = dict(event="started", dataset="d", digest="f" * 64, samples={"train": 1}, parameters=[1, 2, 3],
               mul_adds=[1, 2, 3], history=[], settings={"device": "cpu"})
epoch = dict(event="epoch", epoch=1, phase=1, lr=0.1, seconds=1.0, images_per_second=1.0, train_loss=1.0,
             train_accuracy=[0.1] * 3, val_accuracy=[0.1] * 3, val_loss=[1.0] * 3)
for line in sys.stdin:
    for said in (started, epoch, {"event": "lost", "message": "gone"}):
        print(json.dumps({"job": json.loads(line)["job"], **said}), flush=True)
"""


def test_a_run_that_loses_every_machine_fails_and_says_so(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overthink.launching.engines.CLUSTER", (sys.executable, "-c", ALWAYS_LOST))
    outcomes = launch(Store(), [small(tmp_path, seeds=1)], Options(engine="ray"), watch := Quiet())
    assert [body["event"] for body in watch.bodies] == ["lost", "lost", "lost", "died"]
    assert list(outcomes.messages.values()) == ["gone; gave up after 4 lost machines without progress"]
    assert {outcome: len(runs) for outcome, runs in outcomes.runs.items()} == {tags.FAILED: 1}


def test_a_run_that_always_gets_as_far_as_before_fails_too(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overthink.launching.engines.CLUSTER", (sys.executable, "-c", LOST_AFTER_ONE_EPOCH))
    outcomes = launch(Store(), [small(tmp_path, seeds=1)], Options(engine="ray"), watch := Quiet())
    assert [body["event"] for body in watch.bodies].count("lost") == 3
    assert {outcome: len(runs) for outcome, runs in outcomes.runs.items()} == {tags.FAILED: 1}
    (run,) = find_runs(Store(), kind=tags.KIND_RUN)
    history = Store().client.get_metric_history(run.run_id, "epochs/train_loss")
    assert [entry.step for entry in history] == [1]


@pytest.mark.timeout(600)
def test_a_sweep_runs_there_too(served: Served, driver: RayCluster, tmp_path: Path) -> None:
    sweep_file(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "overthink.cli", "sweep", "tiny-sweep.yaml", "--engine", "ray", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    assert [run.outcome for run in find_runs(Store(), kind=tags.KIND_RUN)] == [tags.FINISHED] * 3
