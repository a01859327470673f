"""The noise ceiling of exit labels, from all stored trainings of a main network that differ in their seeds alone."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from overthink.definition.run_definition import RunDefinition
from overthink.policy.ceiling_metrics import compute_ceiling
from overthink.policy.label_spec import LabelSpec
from overthink.policy.noise_ceiling import NoiseCeiling, noise_ceiling
from overthink.predictions.common_samples import on_common_samples
from overthink.predictions.predictions import Predictions
from overthink.report.group_predictions import group_predictions
from overthink.store import tags
from overthink.store.all_runs import all_runs
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun, finished_per_key

DIFFERENT = ("init", "order", "augment")
"""Streams of which two trainings share no seed. The validation split may be one: test samples are the same anyway."""


def ceiling_metrics(store: ReadableStore, run: RunDefinition, runs: Sequence[StoredRun]) -> dict[str, float]:
    """Return the noise ceiling of a group of policy networks by metric, on test data; nothing for permuted labels.

    `runs` are finished ones of the group, `run` is the definition of one of them.
    """
    policy = run.policy
    assert policy is not None
    if policy.labels.permuted:
        return {}
    first = [run_id for run in runs for run_id in (*run.labelled_by, *([run.main.run_id] if run.main else []))]
    trainings = independent_trainings(store, policy.of.key, first)
    found = compute_ceiling(ceiling_of(policy.labels, predictions_of(store, trainings, "test")))
    return {name: round(value, 6) for name, value in found.items()}  # the UI shows every digit there is


def independent_trainings(store: ReadableStore, group_key: str, first: Sequence[str]) -> list[StoredRun]:
    """Return the finished runs of a group of main networks, those named `first` (by id) before all others.

    On the data of the first one, and only runs that share no seed of DIFFERENT with an earlier one: a study also has
    equal and nearly equal repeats of one training.
    """
    stored = finished_per_key(
        run for run in all_runs(store) if run.kind == tags.KIND_RUN and run.group_key == group_key
    )
    finished = [run for run in stored if run.seeds]
    place = {run_id: number for number, run_id in enumerate(dict.fromkeys(first))}
    ordered = sorted(finished, key=lambda run: (place.get(run.run_id, len(place)), _numbers(run)))
    return _independent(run for run in ordered if run.data == ordered[0].data)


def predictions_of(store: ReadableStore, trainings: Iterable[StoredRun], split: str) -> list[Predictions]:
    """Return the predictions of trainings on their common samples, without those that the store cannot give.

    None where they have no sample in common, as validation samples of many splits.
    """
    found = [one for (one,) in group_predictions(store, trainings, (split,)).values]
    with suppress(ValueError):
        return on_common_samples(found) if found else []
    return []


def ceiling_of(labels: LabelSpec, trainings: Sequence[Predictions]) -> NoiseCeiling:
    """Return the noise ceiling of labels that trainings give to the same samples, or sets of them that are averaged."""
    together = max(len(labels.averaged_seeds), 1)
    firsts = range(0, len(trainings) - together + 1, together)
    sets = [labels.of(*trainings[first : first + together]) for first in firsts]
    return noise_ceiling(sets, len(trainings[0].ids_N) if trainings else 0, together)


def _independent(runs: Iterable[StoredRun]) -> list[StoredRun]:
    found: list[StoredRun] = []
    for run in runs:
        if not any(_seed(run, stream) == _seed(other, stream) for other in found for stream in DIFFERENT):
            found.append(run)
    return found


def _seed(run: StoredRun, stream: str) -> int:
    return int(getattr(run.seeds[0], stream))


def _numbers(run: StoredRun) -> list[int]:
    return list(run.seeds[0].model_dump().values())
