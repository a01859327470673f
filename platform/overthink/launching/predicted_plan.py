"""Runs and groups that are predictions alone: what they are called by what they hold, and what of them is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from pydantic import JsonValue

from overthink.definition.plain_data import short_hash
from overthink.predictions.importing import content_digest
from overthink.predictions.predictions import Predictions
from overthink.seeds import Seeds
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.run_names import group_name, run_name
from overthink.store.stored import StoredRun, newest_per_key


@dataclass(frozen=True)
class PredictedGroup:
    """What runs have in common that differ in their seeds alone, and of which only predictions are known."""

    name: str
    """Of the MLflow experiment."""
    variant: str
    made: Literal["imported", "cascade"]
    """How they came to be; it counts in keys."""
    origin: str
    """Where the predictions are from, in a few words."""
    network: str
    """A few words for tables."""
    note: str
    """A sentence for people, in Markdown."""
    dataset: str = ""
    dataset_key: str = ""
    """Equal keys, equal data."""
    key_parts: Mapping[str, JsonValue] = field(default_factory=dict)
    """What else counts in its key."""
    params: Mapping[str, str] = field(default_factory=dict)
    """What else to log; `import` is the command that makes the group again."""

    @property
    def label(self) -> str:
        """The group's name."""
        return group_name(self.name, self.variant)


class PredictedRun(NamedTuple):
    """The predictions of one training."""

    seeds: Seeds
    splits: Mapping[str, Predictions]
    """By split; `test` is one of them."""
    where: str
    """What messages call the predictions on test data: the name of a file, for example."""
    provenance: Mapping[str, object]
    tags: Mapping[str, str] = {}
    """More tags of this run."""

    @property
    def test(self) -> Predictions:
        """Its predictions on test data."""
        return self.splits["test"]


class PlannedPredictions(NamedTuple):
    """A run with its place in the store."""

    name: str
    key: str
    run: PredictedRun
    stored: StoredRun | None

    @property
    def to_do(self) -> bool:
        """Whether the store does not have all of it."""
        return self.stored is None or not self.stored.is_finished


def group_key(group: PredictedGroup, test: Predictions) -> str:
    """Return the key of a group: what its runs have in common besides their seeds."""
    exits, levels = list(test.exits), list(test.level_names)
    shared = {group.made: group.name, "variant": group.variant, "dataset": group.dataset, **group.key_parts}
    return short_hash({**shared, "exits": exits, "levels": levels})


def planned_predictions(
    store: Store, group: PredictedGroup, runs: Sequence[PredictedRun], key: str
) -> list[PlannedPredictions]:
    """Return the runs of a group with what the store has of them.

    Raises ValueError where they do not belong to one group, or other predictions are stored for the same seeds.
    """
    _check_alike(group, runs)
    stored = newest_per_key(find_runs(store, kind=tags.KIND_RUN, group_key=key))
    planned = []
    for run in runs:
        digests = {split: content_digest(one) for split, one in sorted(run.splits.items())}
        run_key = short_hash({"group": key, "seeds": run.seeds.label, "splits": digests})
        name = run_name(group.label, run.seeds.label)
        others = [one for one in stored.values() if one.seeds == (run.seeds,) and one.run_key != run_key]
        if finished := [one for one in others if one.is_finished]:
            raise ValueError(
                f"{name}: the store has other predictions of this seed (run {finished[0].run_id[:8]}); use "
                "another seed or --variant, or delete that run in MLflow first"
            )
        planned.append(PlannedPredictions(name, run_key, run, stored.get(run_key)))
    if finished := [one for one in stored.values() if one.is_finished]:
        _check_samples(store, runs[0], finished[0])
    return planned


def _check_alike(group: PredictedGroup, runs: Sequence[PredictedRun]) -> None:
    first = runs[0]
    for run in runs[1:]:
        where, usual = run.where, first.where
        if run.test.exits != first.test.exits or run.test.level_names != first.test.level_names:
            raise ValueError(f"{where}: its exits, costs or levels are other ones than those of {usual}")
        if not np.array_equal(run.test.ids_N, first.test.ids_N):
            raise ValueError(
                f"{where}: its sample ids are other ones than those of {usual}, in this order; runs of one group "
                "differ in their seeds alone"
            )
        if run.splits.keys() != first.splits.keys():
            raise ValueError(
                f"{where}: it comes with {', '.join(run.splits)}, but {usual} with {', '.join(first.splits)}"
            )
    labels = [run.seeds.label for run in runs]
    if len({*labels}) < len(labels):
        raise ValueError(f"{group.name}: two runs have the same seeds")


def _check_samples(store: Store, run: PredictedRun, other: StoredRun) -> None:
    there = store.predictions(other.run_id, "test")
    if not np.array_equal(there.ids_N, run.test.ids_N):
        raise ValueError(
            f"{run.where}: its sample ids are other ones than those of run {other.run_id[:8]} of the same group; use "
            "another --variant"
        )
