"""Sweeps that are killed, and sweeps on several machines: real processes, real signals, a real PostgreSQL."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from optuna.trial import TrialState

from overthink.launching.outcomes import Options
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.sweep.ask_tell import OWNER
from overthink.sweep.definition import load_sweep
from overthink.sweep.storage import TrialStoreError, alone, opened, storage_uri
from overthink.sweep.study import existing, open_study
from overthink.sweep.sweeping import sweep
from support.launches import workers_of
from support.postgres import Postgres
from support.small import SMALL
from support.small_sweep import QUICK, RecordingListener, sweep_file, tiny_sweep

LONG = {"regime": [{"epochs": 6, "drops": [4]}]}

pytestmark = pytest.mark.process


def command(path: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """Start `overthink sweep`, as a person would."""
    return subprocess.Popen(
        [sys.executable, "-m", "overthink.cli", "sweep", str(path), *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=path.parent,
        env=os.environ | environment,
    )


def wait_for_epoch(folder: Path, process: "subprocess.Popen[str]") -> None:
    """Wait until a worker has left a checkpoint."""
    while not list(folder.glob(".overthink/runs/*/checkpoint.safetensors")):
        assert process.poll() is None, "it ended before it trained anything"


@pytest.mark.parametrize("victim", ["coordinator", "worker"])
def test_killed_and_called_again_no_trial_is_lost_or_run_twice(store: Store, tmp_path: Path, victim: str) -> None:
    path = sweep_file(tmp_path, LONG, trials=2)
    process = command(path)
    wait_for_epoch(tmp_path, process)
    workers = workers_of(process)
    os.kill(process.pid if victim == "coordinator" else workers[0].pid, signal.SIGKILL)
    _, said = process.communicate(timeout=120)
    assert process.returncode == (-9 if victim == "coordinator" else 0), said
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive
    listener = RecordingListener()
    found = sweep(load_sweep(path), store, storage_uri(), Options(), listener)
    assert found.results.counts == {tags.FINISHED: 2}
    if victim == "coordinator":
        assert listener.starts == [(0, True), (1, False)]
        assert len([epoch for _, epoch in listener.epochs]) < 12, "it was resumed from the checkpoint"
    with opened(storage_uri()) as storage:
        study = existing(storage, load_sweep(path))
        assert study is not None
        assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 2
    runs = find_runs(store, kind=tags.KIND_RUN)
    assert sorted(run.status for run in runs) == ["FINISHED", "FINISHED"]
    assert all(sorted(_steps(store, run.run_id)) == [1, 2, 3, 4, 5, 6] for run in runs)


def _steps(store: Store, run_id: str) -> list[int]:
    return [entry.step for entry in store.client.get_metric_history(run_id, "epochs/train_loss")]


def test_an_interrupted_sweep_closes_its_runs_and_resumes(store: Store, tmp_path: Path) -> None:
    path = sweep_file(tmp_path, LONG, trials=1)
    process = command(path)
    wait_for_epoch(tmp_path, process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in said
    (own,) = [run for run in find_runs(store, sweep=load_sweep(path).study_name) if run.trial is None]
    assert own.status == "KILLED"
    assert sweep(load_sweep(path), store, storage_uri(), Options(), RecordingListener()).results.counts == {
        tags.FINISHED: 1
    }


def test_a_storage_file_is_used_by_one_process_at_a_time(store: Store, tmp_path: Path) -> None:
    loaded = tiny_sweep(tmp_path)
    with (
        alone(storage_uri(), loaded.study_name),
        pytest.raises(TrialStoreError, match="another process is running this sweep"),
    ):
        sweep(loaded, store, storage_uri(), Options(), RecordingListener())
    assert find_runs(store, sweep=loaded.study_name) == []


def test_a_storage_file_is_used_by_one_process_whatever_its_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "trials.db")
    with alone(f"sqlite:///{tmp_path}/trials.db", "tiny 0a"):
        monkeypatch.setenv("OVERTHINK_STATE", str(tmp_path / "elsewhere"))
        for name in ("trials.db", "link.db"):
            with (
                pytest.raises(TrialStoreError, match="another process is running this sweep"),
                alone(f"sqlite:///{tmp_path}/{name}", "tiny 0a"),
            ):
                pass
        with alone(f"sqlite:///{tmp_path}/trials.db", "tiny 0b") as is_alone:
            assert is_alone


def test_two_coordinators_share_a_sweep(tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six trials, each told once; one of the two resumes a trial that a dead machine has abandoned."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", postgres.database("runs"))
    store, storage_uri = Store(), postgres.database("trials")
    all_images = QUICK | {"dataset": SMALL["dataset"]}  # long enough for both to take trials
    grid: dict[str, Any] = {"space": {"network.growth": {"int": [2, 12]}}, "sampler": {"kind": "grid"}}
    path = sweep_file(tmp_path, all_images, trials=6, **grid)
    left = {tags.HOST: "gone", tags.PROCESS: "1@1", tags.HEARTBEAT: "1"}
    with opened(storage_uri) as storage:
        open_study(storage, load_sweep(path)).ask().set_user_attr(OWNER, left)
    both = [command(path, "--storage", storage_uri, OVERTHINK_STATE=str(tmp_path / name)) for name in ("one", "two")]
    said = [process.communicate(timeout=240)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    with opened(storage_uri) as storage:
        study = existing(storage, load_sweep(path))
        assert study is not None
        assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 6
        assert [trial.params["network.growth"] for trial in study.trials] == [2, 3, 4, 5, 6, 7]
    endings = [[line for line in text.splitlines() if "best" in line and line.startswith("trial")] for text in said]
    assert sum(map(len, endings)) == 6
    assert all(endings), f"one of them ran all trials: {said}"
    assert len(find_runs(store, kind=tags.KIND_RUN)) == 6
