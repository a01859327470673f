"""What the courses of trainings say about when samples are learned and overthought."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from overthink.dynamics.fates import Fates, fates, final_fates, once_right_errors
from overthink.dynamics.order import (
    LearningOrder,
    learning_order,
    overthinking_by_disorder,
    parts_by_disorder,
)
from overthink.dynamics.over_runs import OverRuns, over_seeds
from overthink.dynamics.stages import Stage, stages
from overthink.dynamics.times import for_good, forgetting_events, right_depth
from overthink.metrics.agreement import rank_correlation
from overthink.metrics.overthinking import finally_overthought, overthought
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.predictions.correctness import same_samples
from overthink.predictions.course import Course, Moment
from overthink.statistics.jackknife import Interval


class OfExit(NamedTuple):
    """How one exit learned; shares of samples, means over trainings."""

    right_at_end: Interval
    never_right: Interval
    learning_epoch: Interval | None
    """Mean epoch after which a sample was right for good, of those right at the end; None where none is."""
    forgetting: Interval
    """Forgetting events a sample."""
    unforgettable: Interval
    """Right at some moment, and never forgotten (Toneva et al. 2019)."""


class OfStage(NamedTuple):
    """One stage of the training; overthinking by the definition `any later`, as shares of samples."""

    stage: Stage
    first: Interval
    """Overthought at its first moment."""
    last: Interval
    """Overthought at its last moment."""
    stays: Interval | None
    """Share of those overthought at its last moment that are overthought at the end; None for the last stage."""
    born: Interval | None
    """Share of the samples overthought at the end that are so for good since a moment of this stage."""
    born_final: Interval | None
    """The same by the definition `final`."""


class OfFates(NamedTuple):
    """How samples came to be overthought at the end, as shares of them; they sum to 1."""

    lost_first: Interval | None
    lost_after: Interval | None
    never: Interval | None


class Curves(NamedTuple):
    """By moment; means over trainings, as fractions of samples."""

    accuracy_TE: FloatArray
    any_later_T: FloatArray
    final_T: FloatArray
    born_T: FloatArray
    """Share of the samples overthought at the end (any later) that are so for good since this moment or before."""
    stays_T: FloatArray
    """Share of the samples overthought at this moment that are so at the end; NaN where there is none."""


class Disorder(NamedTuple):
    """Overthinking at the end (any later) by thirds of the samples; see `order.parts_by_disorder`."""

    rate: FloatArray
    """Rows: exits of one network differ little, more, most; columns: trainings do. NaN without samples."""
    share: FloatArray
    """Of all samples."""


class Dynamics(NamedTuple):
    """Of the courses of R trainings with the same moments and exits."""

    trainings: int
    samples: int
    split: str
    crossed: bool
    """Whether all recorded the same samples, so that trainings can be compared, and intervals hold for new samples."""
    moments: tuple[Moment, ...]
    any_later: Interval
    final: Interval
    """At the end."""
    exits: tuple[OfExit, ...]
    stages: tuple[OfStage, ...]
    fates: OfFates
    """By the definition `any later`."""
    final_fates: OfFates
    once_right_errors: Interval | None
    """Of the last exit's errors that no exit gets right at the end, the share it once got right."""
    depth_E: tuple[Interval, ...]
    """Shares of prediction depth 1, 2, ..., E among the samples that the last exit gets right at the end."""
    depth_and_learning: Interval | None
    """Spearman's correlation of prediction depth and the last exit's learning time, over those samples."""
    order: LearningOrder | None
    disorder: Disorder | None
    """None for fewer than three trainings, or where samples differ."""
    curves: Curves


def dynamics(courses: Sequence[Course]) -> Dynamics:
    """Return what the courses of trainings of one definition say.

    Raises ValueError where they have other moments, exits or splits.
    """
    first = courses[0]
    for other in courses[1:]:
        if (other.moments, other.n_exits, other.split) != (first.moments, first.n_exits, first.split):
            raise ValueError("the courses were recorded at other moments, at other exits or on another split")
    crossed = all(same_samples(other, first) for other in courses[1:])
    over, correct_RTEN = OverRuns(crossed), [course.correct_TEN for course in courses]
    any_later_RTN, final_RTN = (
        [np.stack([overthought_of(at_EN) for at_EN in correct_TEN]) for correct_TEN in correct_RTEN]
        for overthought_of in (overthought, finally_overthought)
    )
    times_REN = [for_good(correct_TEN) for correct_TEN in correct_RTEN]
    errors = [once_right_errors(correct_TEN) for correct_TEN in correct_RTEN]
    depth_RN = [right_depth(correct_TEN[-1]) for correct_TEN in correct_RTEN]
    return Dynamics(
        trainings=len(courses),
        samples=len(first.ids_N),
        split=first.split,
        crossed=crossed,
        moments=first.moments,
        any_later=over.mean([flags_TN[-1] for flags_TN in any_later_RTN]),
        final=over.mean([flags_TN[-1] for flags_TN in final_RTN]),
        exits=tuple(_of_exit(over, first.moments, correct_RTEN, exit) for exit in range(first.n_exits)),
        stages=tuple(_of_stage(over, stage, any_later_RTN, final_RTN) for stage in stages(first.moments)),
        fates=_fates(over, [fates(one) for one in correct_RTEN], [one_TN[-1] for one_TN in any_later_RTN]),
        final_fates=_fates(over, [final_fates(one) for one in correct_RTEN], [one_TN[-1] for one_TN in final_RTN]),
        once_right_errors=over.ratio([once for _, once in errors], [plain for plain, _ in errors]),
        depth_E=_depth(over, depth_RN, first.n_exits),
        depth_and_learning=_depth_and_learning(depth_RN, [time_EN[-1] for time_EN in times_REN]),
        order=_order(crossed, times_REN),
        disorder=_disorder(crossed, times_REN, [one_TN[-1] for one_TN in any_later_RTN]),
        curves=_curves(correct_RTEN, any_later_RTN, final_RTN),
    )


def _of_exit(over: OverRuns, moments: Sequence[Moment], correct_RTEN: Sequence[BoolArray], exit: int) -> OfExit:
    right_RTN = [correct_TEN[:, exit] for correct_TEN in correct_RTEN]
    events_RN = [forgetting_events(correct_TEN[:, exit : exit + 1])[0] for correct_TEN in correct_RTEN]
    epoch_T = np.array([*(moment.epoch for moment in moments), 0.0])  # the last place: never, and not counted
    return OfExit(
        right_at_end=over.mean([right_TN[-1] for right_TN in right_RTN]),
        never_right=over.mean([np.asarray(~right_TN.any(axis=0)) for right_TN in right_RTN]),
        learning_epoch=over.ratio(
            [epoch_T[for_good(right_TN)] for right_TN in right_RTN], [right_TN[-1] for right_TN in right_RTN]
        ),
        forgetting=over.mean([events_N.astype(np.float64) for events_N in events_RN]),
        unforgettable=over.mean(
            [
                np.asarray(right_TN.any(axis=0) & (events_N == 0))
                for right_TN, events_N in zip(right_RTN, events_RN, strict=True)
            ]
        ),
    )


def _of_stage(
    over: OverRuns, stage: Stage, any_later_RTN: Sequence[BoolArray], final_RTN: Sequence[BoolArray]
) -> OfStage:
    def born(flags_RTN: Sequence[BoolArray]) -> Interval | None:
        births_RN = [for_good(flags_TN) for flags_TN in flags_RTN]
        here_RN = [(births_N >= stage.start) & (births_N < stage.stop) for births_N in births_RN]
        return over.ratio(here_RN, [flags_TN[-1] for flags_TN in flags_RTN])

    last_RN = [flags_TN[stage.stop - 1] for flags_TN in any_later_RTN]
    both_RN = [last_N & flags_TN[-1] for last_N, flags_TN in zip(last_RN, any_later_RTN, strict=True)]
    ends = stage.stop == len(any_later_RTN[0])
    return OfStage(
        stage,
        over.mean([flags_TN[stage.start] for flags_TN in any_later_RTN]),
        over.mean(last_RN),
        None if ends else over.ratio(both_RN, last_RN),
        born(any_later_RTN),
        born(final_RTN),
    )


def _fates(over: OverRuns, found: Sequence[Fates], overthought_RN: Sequence[BoolArray]) -> OfFates:
    return OfFates(*(over.ratio(kind_RN, overthought_RN) for kind_RN in zip(*found, strict=True)))


def _depth(over: OverRuns, depth_RN: Sequence[IntArray], n_exits: int) -> tuple[Interval, ...]:
    shares = [
        over.ratio([depth_N == exit for depth_N in depth_RN], [depth_N > 0 for depth_N in depth_RN])
        for exit in range(1, n_exits + 1)
    ]
    return tuple(share for share in shares if share is not None)


def _depth_and_learning(depth_RN: Sequence[IntArray], time_RN: Sequence[IntArray]) -> Interval | None:
    found = [
        float(rank_correlation(np.stack([depth_N, time_N])[:, depth_N > 0].astype(np.float64))[0, 1])
        for depth_N, time_N in zip(depth_RN, time_RN, strict=True)
        if np.count_nonzero(depth_N) > 1
    ]
    return over_seeds(found) if found and np.isfinite(found).all() else None


def _order(crossed: bool, times_REN: Sequence[IntArray]) -> LearningOrder | None:
    if crossed:
        return learning_order(np.stack(times_REN))
    alone = [found for time_EN in times_REN if (found := learning_order(time_EN[None])) is not None]
    exits = [one.exits.value for one in alone if one.exits is not None]
    if not alone:
        return None
    within_EE = np.mean([one.within_EE for one in alone], axis=0)
    return LearningOrder(within_EE, None, over_seeds(exits) if exits else None, None, None, None)


def _disorder(crossed: bool, times_REN: Sequence[IntArray], overthought_RN: Sequence[BoolArray]) -> Disorder | None:
    if not crossed or len(times_REN) < 3 or times_REN[0].shape[1] < 2:
        return None
    return Disorder(*overthinking_by_disorder(parts_by_disorder(np.stack(times_REN)), np.stack(overthought_RN)))


def _curves(
    correct_RTEN: Sequence[BoolArray], any_later_RTN: Sequence[BoolArray], final_RTN: Sequence[BoolArray]
) -> Curves:
    n_moments, runs = len(any_later_RTN[0]), range(len(any_later_RTN))
    births_RN = [for_good(flags_TN) for flags_TN in any_later_RTN]
    at_end = sum(int(flags_TN[-1].sum()) for flags_TN in any_later_RTN)
    born = [sum(int((births_N <= moment).sum()) for births_N in births_RN) for moment in range(n_moments)]
    here_T = np.sum([flags_TN.sum(axis=1) for flags_TN in any_later_RTN], axis=0)
    both_T = np.sum([(flags_TN & flags_TN[-1]).sum(axis=1) for flags_TN in any_later_RTN], axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Curves(
            accuracy_TE=np.mean([correct_RTEN[run].mean(axis=2) for run in runs], axis=0),
            any_later_T=np.mean([flags_TN.mean(axis=1) for flags_TN in any_later_RTN], axis=0),
            final_T=np.mean([flags_TN.mean(axis=1) for flags_TN in final_RTN], axis=0),
            born_T=np.array(born) / np.float64(at_end),
            stays_T=both_T / here_T,
        )
