"""The heartbeats of a sweep: trouble with one of its two databases keeps none of the other's from being renewed."""

from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy.exc
from optuna.exceptions import StorageInternalError

from overthink.sweep.trials import Trials


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
