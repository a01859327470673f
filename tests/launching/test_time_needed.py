"""How long a launch takes is said with its source: earlier runs of the same network on the same data."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from overthink.comparison.stored_runs import stored_runs
from overthink.launching.plan import plan
from overthink.launching.time_needed import TimeNeeded, time_needed
from overthink.store.client import Store
from overthink.store.stored import StoredRun
from support.command import invoke
from support.launches import launch_inline
from support.small import small

ONE: dict[str, Any] = {"regime": [{"epochs": 1}], "seeds": 1}


def took(run: StoredRun, seconds: float) -> StoredRun:
    return replace(run, ended_ms=run.started_ms + int(1000 * seconds))


def test_epochs_times_the_median_of_earlier_runs_over_jobs(tmp_path: Path, store: Store) -> None:
    launch_inline(store, [small(tmp_path, **ONE)])
    (run,) = [one for one in stored_runs(uri=store.uri, params=True) if not one.is_group]
    earlier = [took(run, 2), took(run, 4), took(run, 100)]  # 4 s an epoch
    to_do = plan(store, [small(tmp_path, seeds=6)], dry=True)  # 3 epochs each
    assert time_needed(to_do, earlier, jobs=2) == TimeNeeded(6, 6, 6 * 3 * 4 / 2, 2, 3)
    assert time_needed(to_do, earlier, jobs=99) == TimeNeeded(6, 6, 3 * 4, 6, 3)
    wider = plan(
        store, [small(tmp_path, network={"kind": "msdnet", "blocks": 4, "channels": 4}, augment=None)], dry=True
    )
    assert time_needed(wider, earlier, jobs=1) is None
    some = time_needed([*to_do, *wider], earlier, jobs=1)
    assert some is not None
    assert some.text == "About 72 s for 6 of 8 runs, by 3 earlier runs."
    failed = replace(run, status="FAILED", logged_outcome="failed")
    for useless in (took(run, 0), failed, replace(run, params={}), replace(run, ended_ms=None)):
        assert time_needed(to_do, [useless], jobs=1) is None
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
    found = time_needed(plan(store, [forks], dry=True), [took(run, 4)], jobs=1)
    assert found == TimeNeeded(3, 3, (3 + 2 + 1) * 4, 1, 1, spared=3 * 4)
    assert found.text == "About 24 s for 3 runs, by 1 earlier run. What forks share would take 12 s more of one job."


@pytest.mark.parametrize("seconds, shown", [(0.2, "1 s"), (89, "89 s"), (720, "12 min"), (7200, "2.0 h")])
def test_its_words(seconds: float, shown: str) -> None:
    assert TimeNeeded(6, 6, seconds, 2, 3).text == f"About {shown} for 6 runs with 2 jobs, by 3 earlier runs."
