"""The same work against a real MLflow server instead of a file."""

from pathlib import Path

import pytest

from overthink.comparison.overthinking import overthinking_rows
from overthink.comparison.stored_runs import stored_runs
from overthink.launching.outcomes import Options
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.reader import find_runs
from support.launches import Quiet, launch_inline
from support.mlflow_server import Served
from support.small import small


def test_a_launch_against_a_server(served: Served, tmp_path: Path) -> None:
    store = Store()
    assert store.uri == served.uri
    experiment = small(tmp_path, seeds=1, regime=[{"epochs": 1}])
    assert launch_inline(store, [experiment], Options(), Quiet()).complete
    (run,) = find_runs(store, kind=tags.KIND_RUN)
    predictions = store.predictions(run.run_id, "test")
    assert run.metrics["test/accuracy/last"] == pytest.approx(predictions.correct_EN[-1].mean())
    (row,) = overthinking_rows(stored_runs())
    assert row.run_ids == (run.run_id,)
    assert overthinking_rows(stored_runs()) == [row]  # from the cache
    again = launch_inline(store, [experiment], Options(), Quiet())
    assert {outcome: len(runs) for outcome, runs in again.runs.items()} == {"done": 1}
