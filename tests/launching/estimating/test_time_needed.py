"""How long a launch takes is said with its source: earlier runs of the same network on the same data."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from overthink.comparison.stored_runs import stored_runs
from overthink.launching.estimating.time_needed import TimeNeeded, time_needed, with_paces
from overthink.launching.estimating.timed import phases_of
from overthink.launching.plan import plan
from overthink.launching.planned_run import PlannedRun
from overthink.running.pace import Pace
from overthink.store.client import Store
from overthink.store.stored import StoredRun
from support.command import invoke
from support.launches import launch_inline
from support.small import small

ONE: dict[str, Any] = {"regime": [{"epochs": 1}], "seeds": 1}


def took(run: StoredRun, seconds: float) -> StoredRun:
    return replace(run, run_id=f"{seconds}", ended_ms=run.started_ms + int(1000 * seconds))


def needed(runs: Sequence[PlannedRun], earlier: Sequence[StoredRun], jobs: int) -> TimeNeeded | None:
    return time_needed(with_paces(runs, earlier, jobs), jobs)


def test_epochs_times_the_median_of_earlier_runs_over_jobs(tmp_path: Path, store: Store) -> None:
    launch_inline(store, [small(tmp_path, **ONE)])
    (run,) = [one for one in stored_runs(uri=store.uri, params=True) if not one.is_group]
    earlier = [took(run, 2), took(run, 4), took(run, 100)]  # 4 s an epoch
    to_do = plan(store, [small(tmp_path, seeds=6)], dry=True)  # 3 epochs each
    assert needed(to_do, earlier, jobs=2) == TimeNeeded(6, 6, 6 * 3 * 4 / 2, 2, 3)
    assert needed(to_do, earlier, jobs=99) == TimeNeeded(6, 6, 3 * 4, 6, 3)
    wider = plan(
        store, [small(tmp_path, network={"kind": "msdnet", "blocks": 4, "channels": 4}, augment=None)], dry=True
    )
    assert needed(wider, earlier, jobs=1) is None
    some = needed([*to_do, *wider], earlier, jobs=1)
    assert some is not None
    assert some.text == "About 72 s for 6 of 8 runs, by 3 earlier runs."
    failed = replace(run, status="FAILED", logged_outcome="failed")
    for useless in (took(run, 0), failed, replace(run, params={}), replace(run, ended_ms=None)):
        assert needed(to_do, [useless], jobs=1) is None
    said = " ".join(invoke(tmp_path, "run", "small.yaml", "--set", "regime.0.epochs=5", "--dry-run").stderr.split())
    assert "by 1 earlier run." not in said, "the file has another network now"
    small(tmp_path, seeds=2)
    said = " ".join(invoke(tmp_path, "run", "small.yaml", "--dry-run", "--jobs", "2").stderr.split())
    assert "for 2 runs with 2 jobs, by 1 earlier run. 2 of 2 runs would be trained." in said


def test_forks_take_their_own_epochs(tmp_path: Path, store: Store) -> None:
    """A trunk of 3 epochs, one of its forks from epoch 1 on, and one from epoch 2 on, at 4 s an epoch."""
    launch_inline(store, [small(tmp_path, **ONE)])
    (run,) = [one for one in stored_runs(uri=store.uri, params=True) if not one.is_group]
    forks = small(tmp_path, arms={"order": ["order"]}, repeats=2, fork_at=[1, 2])
    found = needed(plan(store, [forks], dry=True), [took(run, 4)], jobs=1)
    assert found == TimeNeeded(3, 3, (3 + 2 + 1) * 4, 1, 1, spared=3 * 4)
    assert found.text == "About 24 s for 3 runs, by 1 earlier run. What forks share would take 12 s more of one job."


def test_timed_steps_unless_runs_of_the_same_phases_were_as_many_at_once_here(tmp_path: Path, store: Store) -> None:
    """Two phases of 1 and 2 epochs; 5 and 7 s an epoch, 2 s to load and 3 s to finish, by timed steps."""
    launch_inline(store, [small(tmp_path, **ONE)])
    (run,) = [one for one in stored_runs(uri=store.uri, params=True) if not one.is_group]
    assert run.at_once == 1, "the launch has logged it"
    frozen = {"epochs": 2, "freeze": "backbone"}
    phases = plan(store, [small(tmp_path, regime=[{"epochs": 1}, frozen], seeds=3)], dry=True)
    assert phases[0].parent is not None, "it has the first phase from the run in the store"
    paces = {
        phase.key: Pace(2.0, seconds, 0.0, 3.0, {"train": 320, "val": 80, "test": 80}, 10, 20, 30)
        for phase, seconds in zip(phases_of(phases[0]), (5.0, 7.0), strict=True)
    }
    timed = with_paces(phases, [took(run, 4)], 1, paces)
    assert [one.estimated_seconds for one in timed] == [2 * 7 + 3, 5 + 2 * 7 + 3, 5 + 2 * 7 + 3]
    found = time_needed(timed, jobs=1)
    assert found is not None
    assert found.text == "About 63 s for 3 runs, by steps timed on this machine."
    assert time_needed(with_paces(phases, [took(run, 4)], 2, paces), jobs=2) == TimeNeeded(
        3, 3, 2 + 17 + 22, 2, 0, 0, 3
    )
    assert needed(phases, [took(run, 4)], jobs=1) == TimeNeeded(3, 3, (2 + 3 + 3) * 4, 1, 1), "without timed steps"

    alike = plan(store, [small(tmp_path, seeds=2)], dry=True)
    of_one = {phases_of(alike[0])[0].key: paces[phases_of(phases[0])[0].key]}
    assert time_needed(with_paces(alike[1:], [took(run, 4)], 1, of_one), 1) == TimeNeeded(1, 1, 12, 1, 1)
    elsewhere = replace(took(run, 4), process=run.process._replace(host="other 0 1 2"))
    more_at_once = replace(took(run, 4), at_once=2)
    for other in (elsewhere, more_at_once):
        assert time_needed(with_paces(alike[1:], [other], 1, of_one), 1) == TimeNeeded(1, 1, 2 + 15 + 3, 1, 0, 0, 1)


def test_recorded_answers_take_evaluations(tmp_path: Path, store: Store) -> None:
    """Six epochs of 5 s, every second one with 320 evaluations at 0.01 s; validation costs nothing more."""
    pace = Pace(2.0, 5.0, 0.01, 3.0, {"train": 320, "val": 80, "test": 80}, 10, 20, 30)
    for spec, more in (
        ({"samples": "train", "every_epochs": 2}, 3 * 3.2),
        ({"samples": "train", "every_steps": 5}, 6 * 3.2),  # epochs of 5 steps
        ({"samples": "test", "ids": [1, 2]}, 6 * 0.02),
        ({"samples": "val"}, 0.0),
    ):
        recorded = plan(store, [small(tmp_path, record=spec, regime=[{"epochs": 6}], seeds=1)], dry=True)
        (run,) = with_paces(recorded, [], 1, {phases_of(recorded[0])[0].key: pace})
        assert run.estimated_seconds == pytest.approx(6 * 5 + 3 + more)


@pytest.mark.parametrize("seconds, shown", [(0.2, "1 s"), (89, "89 s"), (720, "12 min"), (7200, "2.0 h")])
def test_its_words(seconds: float, shown: str) -> None:
    assert TimeNeeded(6, 6, seconds, 2, 3).text == f"About {shown} for 6 runs with 2 jobs, by 3 earlier runs."
