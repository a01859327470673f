"""Predictions of a group's runs: what cannot be read, and what is of another network, is named and left out."""

from dataclasses import replace
from typing import cast

import numpy as np

from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from overthink.report.group_predictions import group_predictions
from overthink.store.client import Store
from overthink.store.errors import MissingArtifactError
from overthink.store.stored import StoredRun
from overthink.store.unreadable import UnreadableRunError
from support.repeats import by_difficulty, predictions
from support.stored_runs import raw

ONE, TWO, THREE = predictions(by_difficulty(3, 60))


class Has:
    """A store of predictions, or of what is wrong with them."""

    def __init__(self, *found: Predictions | Exception) -> None:
        self.runs = [raw(str(seed)).parsed() for seed in range(len(found))]
        self._found = dict(zip((run.run_id for run in self.runs), found, strict=True))

    def predictions(self, run_id: str, split: str) -> Predictions:
        found = self._found[run_id]
        if isinstance(found, Exception):
            raise found
        return replace(found, cost_E=needed(found.cost_E, "costs") + 1) if split == "val" else found


def read(has: Has, *, same_samples: bool = False) -> tuple[list[StoredRun], list[str]]:
    found = group_predictions(cast(Store, has), has.runs, ("test",), same_samples)
    assert len(found.values) == len(found.runs)
    return found.runs, found.problems


def test_what_cannot_be_read_is_left_out() -> None:
    has = Has(ONE, UnreadableRunError("run b: it is odd"), TWO, MissingArtifactError("it is not there"))
    assert read(has) == ([has.runs[0], has.runs[2]], ["run b: it is odd", "it is not there"])


def test_another_network_is_left_out() -> None:
    has = Has(replace(ONE, cost_E=needed(ONE.cost_E, "costs") * 2), TWO, THREE)
    runs, (problem,) = read(has)
    assert runs == has.runs[1:]
    assert problem.startswith(f"run {has.runs[0].run_id[:8]}: its predictions are of another network")


def test_other_samples_are_left_out_where_they_must_be_the_same() -> None:
    has = Has(ONE, TWO, replace(THREE, ids_N=THREE.ids_N + 1000))
    assert read(has) == (has.runs, [])
    runs, (problem,) = read(has, same_samples=True)
    assert runs == has.runs[:2]
    assert "was asked about other samples" in problem


def test_the_definition_decides_where_it_is_known() -> None:
    has = Has(ONE)
    known = {"network.kind": "msdnet", "network.blocks": "7"}
    found = group_predictions(cast(Store, has), [replace(has.runs[0], params=known)])
    assert found.problems == [
        f"run {has.runs[0].run_id[:8]}: its predictions are of {ONE.n_exits} exits, its definition is of 7"
    ]


def test_splits_of_two_networks() -> None:
    found = group_predictions(cast(Store, Has(ONE)), Has(ONE).runs, ("val", "test"))
    assert "its predictions of val and test are of two networks" in found.problems[0]
    assert not np.array(found.values).size
