"""What runs leave behind is said before they are trained, and a disk with less room is an error then."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from overthink.launching.estimating.disk_needed import DiskNeeded, disk_needed, lacking_room
from overthink.launching.estimating.time_needed import with_paces
from overthink.launching.estimating.timed import phases_of
from overthink.launching.plan import plan
from overthink.launching.planned_run import PlannedRun
from overthink.running.pace import Pace
from overthink.store.client import Store
from support.small import small

MB = 10**6


def planned(folder: Path, store: Store, jobs: int = 1, **changes: Any) -> list[PlannedRun]:
    """Return runs whose phases have checkpoints of 1 MB, 2 MB, ..., predictions of 10 MB and a page of 100 MB."""
    runs = plan(store, [small(folder, **changes)], dry=True)
    paces = {}
    for number, phase in enumerate(phases_of(runs[0]), 1):
        samples = {"train": 320, "val": 80, "test": 80}
        paces[phase.key] = Pace(2.0, 5.0, 0.01, 3.0, samples, number * MB, 10 * MB, 100 * MB)
    return with_paces(runs, [], jobs, paces)


def test_by_hand(tmp_path: Path, store: Store) -> None:
    """Of each run: its last checkpoint, predictions and page; of the group a page; meanwhile two checkpoints a run."""
    one = 1 + 10 + 100
    assert disk_needed(planned(tmp_path, store)) == DiskNeeded((2 * one + 100) * MB, (2 * 1 + 110) * MB)
    assert disk_needed(planned(tmp_path, store, jobs=2)) == DiskNeeded((2 * one + 100) * MB, 2 * (2 * 1 + 110) * MB)
    models = disk_needed(planned(tmp_path, store), models=True)
    assert models == DiskNeeded((2 * one + 100) * MB + 2 * (MB // 2 + 100_000), (2 * 1 + 110) * MB), "without momentum"
    regime = [{"epochs": 2}, {"epochs": 2, "loss": {"kind": "ofa", "teacher": "previous"}}]
    taught = disk_needed(planned(tmp_path, store, regime=regime, keep=[1, 3], seeds=1))
    assert taught == DiskNeeded((2 + 110 + 1 + 2 + 100) * MB, (2 * 3 + 110 + 1 + 2) * MB), "weights of a teacher, too"
    recorded = disk_needed(planned(tmp_path, store, record={"samples": "test"}, seeds=1))
    course = (3 + 1) * 80 * 3 * 9 // 8
    assert recorded == DiskNeeded((one + 100) * MB + course, (2 + 110) * MB + course)
    assert (
        DiskNeeded(1_500_000_000, 2_400_000).text
        == "About 1.5 GB in the store, and 2 MB in the state folder meanwhile."
    )


def test_unknown_without_sizes(tmp_path: Path, store: Store) -> None:
    runs = planned(tmp_path, store)
    assert disk_needed([runs[0], replace(runs[1], pace=None)]) is None
    assert disk_needed([replace(run, action="done") for run in runs]) is None


def test_too_little_room_is_one_sentence(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = planned(tmp_path, store)  # 322 MB and 112 MB on one disk
    for free, lacks in ((435, False), (433, True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: SimpleNamespace(free=free * MB))
        found = lacking_room(disk_needed(runs), store.uri)
        assert len(found) == lacks
        if lacks:
            assert found[0].startswith("the folder of the store, ")
            assert found[0].endswith(", has 433 MB left on its disk; these runs take 434 MB")
