"""Trials of a sweep beside trouble: with one of its two databases, and with another process that was quicker."""

from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy.exc
from optuna.exceptions import StorageInternalError

from overthink.store import tags
from overthink.store.client import Store
from overthink.store.writer import Writer
from overthink.sweep.trials import Trials, finished_run


@pytest.mark.parametrize(
    "error", [StorageInternalError("database is locked"), sqlalchemy.exc.OperationalError("UPDATE", {}, OSError())]
)
def test_a_locked_storage_of_trials_ends_no_sweep(error: Exception) -> None:
    def refused() -> None:
        raise error

    beats: list[int] = []
    trials: Any = SimpleNamespace(
        _study=SimpleNamespace(heartbeat=refused), _recorder=SimpleNamespace(heartbeat=lambda: beats.append(1))
    )
    Trials.heartbeat(trials)
    assert beats == [1]


def test_of_a_run_that_another_process_has_finished_that_one_is_asked(store: Store) -> None:
    """This process has trained it, too, and what it logged was discarded: the trial failed for want of a metric."""
    writer, experiment = Writer(store), store.experiment("e", "A note.")
    of_key = {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: "k"}
    ours, theirs = (writer.create(experiment, name, of_key, {}) for name in ("ours", "theirs"))
    assert finished_run(store, "k", ours) is None
    writer.close(theirs, tags.FINISHED)
    writer.log(ours, run_tags={tags.REPLACED_BY: theirs})
    for run_id in (ours, theirs, None):
        assert finished_run(store, "k", run_id).run_id == theirs  # type: ignore[union-attr]
