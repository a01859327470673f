"""An estimate of a sweep: steps of sampled configurations, counted for the trials that are left."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from overthink.comparison.stored_runs import stored_runs
from overthink.launching.estimating import timed
from overthink.launching.outcomes import Options
from overthink.running.pace import Pace, PhaseOfRun
from overthink.store.client import Store
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.sweeping import sweep
from overthink.sweep.trials_needed import TrialsNeeded, sampled_trials, trials_needed
from support.command import invoke, overthink
from support.policy_file import policy_file
from support.small_sweep import RecordingListener, sweep_file, tiny_sweep

MB = 10**6
SAMPLES = {"train": 320, "val": 80, "test": 80}
WIDTHS: dict[str, Any] = {"network.growth": {"choice": [2, 4]}}


class Clock:
    """In the place of processes that time steps: an epoch takes as many seconds as the network's growth."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at_once: list[int] = []
        monkeypatch.setattr(timed, "start_process", lambda target, log: (self, self))
        monkeypatch.setattr(timed, "_measured", self.measured)

    def kill(self) -> None: ...

    def join(self) -> None: ...

    def close(self) -> None: ...

    def measured(self, pipes: Sequence[Any], phase: PhaseOfRun, options: Options) -> Pace:
        self.at_once.append(len(pipes))
        growth = phase.run.model_dump()["network"]["growth"]
        return Pace(1.0, float(growth), 0.0, 3.0, SAMPLES, 5 * MB, MB, 4 * MB)


def needed(loaded: LoadedSweep, trials: int, store: Store, **options: Any) -> TrialsNeeded | None:
    return trials_needed(loaded, trials, store, store.uri, Options(estimate=True, **options), print)


def test_the_mean_of_sampled_configurations_times_the_trials(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2 epochs of 2 or 4 s, and 3 s: 7 or 11 s a seed; of two seeds 14 or 22 s a trial, 18 s on average."""
    clock = Clock(monkeypatch)
    loaded = tiny_sweep(tmp_path, space=WIDTHS, sampler={"kind": "grid"}, seeds=2)
    found = needed(loaded, 10, store, jobs=3)
    assert found is not None
    assert (found.of_trials, found.jobs, clock.at_once) == ((14, 22), 3, [3, 3])
    assert found.seconds == 1 + 4 * 18, "ten trials are four rounds of three"
    assert found.disk is not None
    assert found.disk.store == 10 * (2 * (5 + 1 + 4) + 4) * MB, "of each trial two runs, and the page of their group"
    assert (
        found.sentences[0]
        == "About 73 s for 10 trials with 3 jobs, by 2 sampled configurations (14 s to 22 s a trial)."
    )
    one = needed(loaded, 1, store, jobs=3)
    assert one is not None
    assert (one.jobs, one.seconds) == (1, 1 + 14)
    assert one.sentences[0] == "About 15 s for 1 trial, by 1 sampled configuration (14 s a trial)."
    assert needed(loaded, 0, store) is None


def test_more_trials_at_once_than_configurations_are_sampled(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each run at work two checkpoints of 5 MB, predictions of 1 MB and a page of 4 MB wait in the state folder."""
    Clock(monkeypatch)
    loaded = tiny_sweep(tmp_path, space=WIDTHS, sampler={"kind": "grid"})
    for jobs in (1, 2, 8):
        found = needed(loaded, 10, store, jobs=jobs)
        assert found is not None
        assert found.disk is not None
        assert found.disk.state == jobs * (2 * 5 + 1 + 4) * MB


def test_what_is_not_trained_is_not_timed(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration outside the bounds, and one that is not valid; pruning and a limit are named."""
    Clock(monkeypatch)
    space = {"regime.0.lr": {"float": [0.01, 0.2]}, "network.growth": {"choice": [2, 4, 64]}}
    bounds = [{"metric": "network/parameters/exit_1", "at_most": 20_000}]
    loaded = tiny_sweep(tmp_path, space=space, constraints=bounds, pruner={"kind": "median"}, time_limit_minutes=30)
    sampled = [one.groups[0].definition.model_dump()["network"]["growth"] for one in sampled_trials(loaded, 5)]
    assert len(sampled) == 5
    assert {*sampled} <= {2, 4}
    assert sampled_trials(loaded, 5) == sampled_trials(loaded, 5)
    found = needed(loaded, 5, store)
    assert found is not None
    assert found.left_out == (
        "Trials outside bounds on the network are not trained.",
        "Trials that are pruned end earlier.",
        "No trial starts after 30 min (time_limit_minutes).",
    )
    sizes = tiny_sweep(tmp_path, objectives=[{"metric": "network/mul_adds/exit_1"}], space=WIDTHS)
    assert needed(sizes, 5, store) is None, "nothing is trained"


def test_main_networks_that_labels_need(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    policy_file(tmp_path)
    space = {"policy.labels.lambda": {"choice": [1, 50]}}
    labels = tiny_sweep(tmp_path, experiment="policy.yaml", objectives=[{"metric": "labels/balance"}], space=space)
    found = needed(labels, 2, store)
    assert found is not None
    assert (found.of_trials, found.main_networks) == ((), 1)
    assert found.sentences[0] == f"About {found.seconds:.0f} s for 1 main network."


def test_it_is_kept_with_the_runs_of_trials(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    loaded = tiny_sweep(tmp_path, space=WIDTHS, sampler={"kind": "grid"})
    said: list[str] = []
    listener = RecordingListener()
    monkeypatch.setattr(listener, "on_message", said.append)
    swept = sweep(loaded, store, f"sqlite:///{tmp_path}/optuna.db", Options(estimate=True), listener)
    assert swept.estimated == 1 + 2 * 9
    assert swept.results.counts == {"finished": 2}
    assert "About 19 s for 2 trials, by 2 sampled configurations (7 s to 11 s a trial)." in said
    runs = [run for run in stored_runs(uri=store.uri) if not run.is_group and run.run_key]
    assert sorted(run.estimated_seconds or 0 for run in runs) == [7, 11]


@pytest.mark.process
def test_the_command_times_steps_and_creates_nothing(tmp_path: Path) -> None:
    path = sweep_file(tmp_path, space=WIDTHS)
    options = "sweep", str(path), "--dry-run", "--estimate", "--kernels", "torch"
    looked = overthink(tmp_path, *options)
    assert looked.returncode == 0, looked.stderr
    said = " ".join(looked.stderr.split())
    assert "Timing a few steps of 2 phases on this machine." in said
    assert "for 3 trials, by 2 sampled configurations (" in said
    assert " in the store, and " in said
    assert "3 trials would be started. Nothing was done (--dry-run)." in said
    assert not [file.name for file in tmp_path.iterdir() if "memory" in file.name]
    assert not [*tmp_path.glob("*.db")]
    plain = json.loads(invoke(tmp_path, *options, "--json").stdout)
    assert plain["estimated_seconds"] > 0
