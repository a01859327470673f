"""A study in the store: the finished runs of its arms, their predictions and findings."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from overthink.comparison.arms import runs_of_group
from overthink.comparison.kernels import computed_by, different_kernels
from overthink.metrics.overthinking import overthought
from overthink.predictions.arrays import IntArray
from overthink.predictions.predictions import Predictions
from overthink.report.group_predictions import group_predictions
from overthink.seeds import Seeds, moving, sources_of
from overthink.store.errors import MissingArtifactError
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun, finished_per_key, once_each
from overthink.store.unreadable import UnreadableRunError
from overthink.study.arms import ALL_SOURCES
from overthink.study.confidence_rule import confidence_rule
from overthink.study.control import of_one_training
from overthink.study.design import base_point_of
from overthink.study.findings import Findings, findings
from overthink.study.fork_design import arms_from_start
from overthink.study.forks import ForkArm, Outcome, fork_arms
from overthink.study.sources import SourceShares, source_shares
from overthink.study.transferred_oracle import ConfidenceRule


class StudyError(ValueError):
    """A study is invalid: the networks of its control arm differ. The message names the arm."""


class Arm(NamedTuple):
    """The finished runs of an arm, and the seeds it asks for."""

    seeds: tuple[Seeds, ...]
    """The seeds that the arm asks for."""
    runs: tuple[StoredRun, ...]

    @property
    def is_control(self) -> bool:
        """Whether it repeats one run, with nothing varied."""
        return not moving(sources_of(self.seeds))


class Study(NamedTuple):
    """A group, its runs sorted into arms."""

    group: StoredRun
    arms: dict[str, Arm]

    @property
    def missing(self) -> int:
        """Number of runs that are asked for and not finished."""
        asked = {seeds for arm in self.arms.values() for seeds in arm.seeds}
        return len(asked) - len({run.run_id for arm in self.arms.values() for run in arm.runs})

    @property
    def kernels_warning(self) -> str:
        """That its runs were computed differently, in words; empty where they were not."""
        runs = {run.run_id: run for arm in self.arms.values() for run in arm.runs}
        return different_kernels(self.group.name, computed_by(runs.values()))


def study_of(group: StoredRun, runs: Sequence[StoredRun]) -> Study:
    """Return a group's arms with those of the runs that are finished, in the order of their seeds.

    A group that is not a study has one arm, the runs of all its seeds.
    """
    of_seeds = {run.seeds: run for run in finished_per_key(runs_of_group(group, runs))}
    return Study(
        group,
        {
            name: Arm(seeds, tuple(of_seeds[one,] for one in seeds if (one,) in of_seeds))
            for name, seeds in (group.arms or {ALL_SOURCES: group.seeds}).items()
        },
    )


class ReadStudy(NamedTuple):
    """A study with the predictions of its runs."""

    study: Study
    """Without the runs whose test predictions cannot be read."""
    tests: dict[str, Predictions]
    """By run id."""
    validations: dict[str, Predictions] | None
    """The same; None where a run has stored none."""
    problems: list[str]
    """A sentence for each run that holds what cannot be read."""


def read_study(store: ReadableStore, study: Study) -> ReadStudy:
    """Read the predictions of all runs of a study, each once."""
    runs = once_each(run for arm in study.arms.values() for run in arm.runs)
    tests = group_predictions(store, runs, same_samples=True)
    known = {run.run_id: test for run, (test,) in zip(tests.runs, tests.values, strict=True)}
    validations, problems = None, tests.problems
    if not all(run.has_validation for run in tests.runs):
        return ReadStudy(_of_runs(study, known), known, None, problems)
    with suppress(MissingArtifactError):
        try:
            validations = {run_id: _validation(store, run_id, test) for run_id, test in known.items()}
        except UnreadableRunError as error:
            problems = [*problems, str(error)]
    return ReadStudy(_of_runs(study, known), known, validations, problems)


def _validation(store: ReadableStore, run_id: str, test: Predictions) -> Predictions:
    found = store.predictions(run_id, "val")
    if found.exits != test.exits:
        raise UnreadableRunError(f"run {run_id[:8]}: its predictions of val and test are of two networks")
    return found


def _of_runs(study: Study, known: Collection[str]) -> Study:
    arms = {
        name: arm._replace(runs=tuple(run for run in arm.runs if run.run_id in known))
        for name, arm in study.arms.items()
    }
    return study._replace(arms=arms)


def findings_by_arm(
    study: Study, known: dict[str, Predictions], validation: dict[str, Predictions] | None = None
) -> dict[str, Findings]:
    """Return the findings of each arm that has at least two runs, from test and, where at hand, validation predictions.

    A control's are of one observation. Of several base points, arms are those around the first.

    Raises StudyError where a control arm's networks differ: then no difference can be attributed to a source.
    """
    found = {
        name: findings(
            [known[run.run_id] for run in arm.runs], sources_of(arm.seeds), _rule(arm.runs, known, validation)
        )
        for name, arm in study.arms.items()
        if len(arm.runs) > 1 and base_point_of(name) == 0
    }
    for name, one in found.items():
        if study.arms[name].is_control and not one.same:
            raise StudyError(
                f"{study.group.name}: arm {name} repeats one run, and its networks differ{_how_often(one)}; "
                f"differences within the other arms cannot be attributed to their sources"
            )
    return {name: of_one_training(one) if study.arms[name].is_control else one for name, one in found.items()}


def _how_often(found: Findings) -> str:
    if not found.churn_E:
        return ""
    return f" on {100 * found.churn_E[-1].disagreement.value:.2f}% of the test samples at the last exit"


def _rule(
    runs: Sequence[StoredRun], test: dict[str, Predictions], validation: dict[str, Predictions] | None
) -> ConfidenceRule | None:
    if validation is None or any({"confidence", "costs"} & {*one.absent} for one in validation.values()):
        return None
    return confidence_rule([validation[run.run_id] for run in runs], [test[run.run_id] for run in runs])


def shares_of_study(study: Study, known: Mapping[str, Predictions]) -> SourceShares | None:
    """Return what part each source has in the variance of overthinking, over all base points.

    Of a study of forks, by the arms whose repeats differ from the first epoch on. None for a group that is no study of
    several sources. Raises ValueError where runs were tested on different samples.
    """
    tests = {seeds: known[run.run_id] for arm in study.arms.values() for run in arm.runs for seeds in run.seeds}
    if len({(test.ids_N.tobytes(), test.n_exits) for test in tests.values()}) > 1:
        raise ValueError(
            f"{study.group.name}: the runs of the study were tested on different samples, or differ in exits"
        )
    arms = arms_from_start({name: arm.seeds for name, arm in study.arms.items()})
    return source_shares(arms, {seeds: test.correct_EN for seeds, test in tests.items()})


def forks_of_study(study: Study, known: Mapping[str, Predictions]) -> dict[str, ForkArm]:
    """Return what a study's forks show, by arm; nothing without forks, or where runs have stored no classes."""
    outcomes = {
        seeds: Outcome(test.predicted_EN, test.correct_EN)
        for arm in study.arms.values()
        for run in arm.runs
        for seeds in run.seeds
        if (test := known[run.run_id]).predicted_EN is not None
    }
    return fork_arms({name: arm.seeds for name, arm in study.arms.items()}, outcomes)


def often_and_never_overthought(repeats: Sequence[Predictions], count: int) -> tuple[IntArray, IntArray]:
    """Return ids of the test samples overthought most often, and of some that never are but are not always right.

    Ties go to the lower id. Either may be fewer than `count`, or none.
    """
    correct_REN = np.stack([one.correct_EN for one in repeats])
    times_N = np.stack([overthought(one_EN) for one_EN in correct_REN]).sum(axis=0)
    often_N = np.argsort(-times_N, kind="stable")[: np.count_nonzero(times_N)]
    never_N = np.flatnonzero((times_N == 0) & ~correct_REN.all(axis=(0, 1)) & correct_REN.any(axis=(0, 1)))
    ids_N = repeats[0].ids_N
    return ids_N[often_N[:count]], ids_N[never_N[:count]]
