"""A study as the store has it: its arms' finished runs, their predictions, and what they say."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from overthink.comparison.arms import arms_of, runs_of_group
from overthink.metrics.overthinking import overthought
from overthink.predictions.arrays import IntArray
from overthink.predictions.predictions import Predictions
from overthink.seeds import sources_of, split_labels
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.stored import StoredRun, newest_per_key
from overthink.study.arms import WHOLE
from overthink.study.findings import Findings, findings


class StudyError(ValueError):
    """A study does not show what it says; the sentence names the arm."""


class Arm(NamedTuple):
    """The finished runs of an arm, and what there should be."""

    labels: tuple[str, ...]
    """Of the seeds that the arm asks for."""
    runs: tuple[StoredRun, ...]

    @property
    def is_control(self) -> bool:
        """Whether it repeats one run, with nothing varied."""
        return len({label.partition("-repeat")[0] for label in self.labels}) == 1


class Study(NamedTuple):
    """A group whose runs make up arms."""

    group: StoredRun
    arms: dict[str, Arm]

    @property
    def missing(self) -> int:
        """How many runs are asked for and not finished."""
        asked = {label for arm in self.arms.values() for label in arm.labels}
        return len(asked) - len({run.run_id for arm in self.arms.values() for run in arm.runs})


def study_of(group: StoredRun, runs: Sequence[StoredRun]) -> Study:
    """Return a group's arms with those of the runs that are finished, in the order of their seeds.

    A group that is no study has one arm, the runs of all its seeds.
    """
    mine = newest_per_key(runs_of_group(group, runs))
    of_label = {run.tags.get(tags.SEEDS, ""): run for run in mine.values() if run.outcome == tags.FINISHED}
    return Study(
        group,
        {
            name: Arm(tuple(labels), tuple(of_label[label] for label in labels if label in of_label))
            for name, labels in (arms_of(group) or {WHOLE: split_labels(group.tags.get(tags.SEEDS, ""))}).items()
        },
    )


def predictions_of(store: Store, study: Study) -> dict[str, Predictions]:
    """Return the test predictions of all runs of a study, by run id, each read once."""
    found: dict[str, Predictions] = {}
    for run in (run for arm in study.arms.values() for run in arm.runs):
        if run.run_id not in found:
            found[run.run_id] = store.predictions(run.run_id, "test")
    return found


def found_in(study: Study, known: dict[str, Predictions]) -> dict[str, Findings]:
    """Return what each arm of two runs or more says.

    Raises StudyError where a control arm's networks differ: then nothing else could be laid to its sources.
    """
    found = {
        name: findings([known[run.run_id] for run in arm.runs], sources_of(arm.labels))
        for name, arm in study.arms.items()
        if len(arm.runs) > 1
    }
    for name, one in found.items():
        if study.arms[name].is_control and not one.same:
            raise StudyError(
                f"{study.group.name}: arm {name} repeats one run, and its networks differ on "
                f"{100 * one.churn_E[-1].disagreement.value:.2f}% of the test samples at the last exit; "
                f"what the other arms show is no longer due to their sources"
            )
    return found


def at_the_ends(repeats: Sequence[Predictions], count: int) -> tuple[IntArray, IntArray]:
    """Return ids of the test samples overthought most often, and of some that never are but are not always right.

    Ties go to the lower id. Either may be fewer than `count`, or none.
    """
    correct_REN = np.stack([one.correct_EN for one in repeats])
    times_N = np.stack([overthought(one_EN) for one_EN in correct_REN]).sum(axis=0)
    often_N = np.argsort(-times_N, kind="stable")[: np.count_nonzero(times_N)]
    never_N = np.flatnonzero((times_N == 0) & ~correct_REN.all(axis=(0, 1)) & correct_REN.any(axis=(0, 1)))
    ids_N = repeats[0].ids_N
    return ids_N[often_N[:count]], ids_N[never_N[:count]]
