"""The same work against a real MLflow server instead of a file."""

from pathlib import Path

import pytest

from overthink.comparison.overthinking import overthinking_rows
from overthink.comparison.stored_runs import stored_runs
from overthink.launching.outcomes import Options
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.finding import find_runs
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


def test_an_experiment_that_leads_to_another_place_is_refused_before_training(served: Served, tmp_path: Path) -> None:
    """Any account may make an experiment of a definition's name, with a path of whoever trains it."""
    store, trap, experiment = Store(), tmp_path / "home-of-bob", small(tmp_path, seeds=1)
    name = experiment.experiment.name
    store.client.create_experiment(name, artifact_location=trap.as_uri())
    listener = Quiet()
    with pytest.raises(
        StoreError, match=rf"experiment '{name}' has its artifacts in file://.*home-of-bob, which is not"
    ):
        launch_inline(store, [experiment], Options(), listener)
    assert listener.bodies == []
    assert not trap.exists()
    assert find_runs(store, kind=tags.KIND_RUN) == []
