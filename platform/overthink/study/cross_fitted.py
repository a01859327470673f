"""Whether an earlier exit is better in expectation: chosen on some of the trainings, scored on the others.

What an oracle gains over the last exit is found with the labels of the very training that is scored, so luck counts as
skill. Here the exit of each sample is the one that most trainings of one part get right, and the other part decides.
The first part is less than half, (R - 1) / 2 of R rounded down: of 8 trainings 3, and 5 decide.
"""

from collections.abc import Sequence
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.statistics.crossed import crossed_parts, leave_out
from overthink.statistics.jackknife import Interval

MOST_SPLITS = 60
"""Ways to divide the trainings that are all tried; of more, so many by a seeded draw."""
SEED = 0
CountArray = NDArray[np.int32]


class CrossFitted(NamedTuple):
    """Gains over the last exit, as differences of accuracy, over new trainings and samples."""

    gain: Interval
    """Of the exit chosen on other trainings; above zero where some samples are overthought systematically."""
    seen: Interval
    """Of the exit chosen on the trainings that are scored, all of them: what luck and system give together."""
    chosen_on: int
    """Trainings that the exit of `gain` is chosen on; the mean is over ways to choose them."""


def cross_fitted(correct_REN: BoolArray) -> CrossFitted:
    """Return both gains; where no exit is right more often than the last, the last is chosen. Raises for R below 2."""
    repeats = len(correct_REN)
    if repeats < 2:
        raise ValueError(f"cross-fitting needs two trainings, and there is {repeats}")

    size = max(1, (repeats - 1) // 2)  # the same with a training left out, or leaving it out would do more than that

    def parts(models: Sequence[int]) -> FloatArray:
        return np.stack([_gain(correct_REN, models, size), _seen(correct_REN, models)])

    gain, seen = crossed_parts(leave_out(parts, repeats), differences={0})
    return CrossFitted(gain, seen, size)


def halves(models: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Return the parts of a size that exits are chosen on."""
    if comb(len(models), size) <= MOST_SPLITS:
        return list(combinations(models, size))
    random = np.random.default_rng(SEED)
    return [tuple(random.permutation(len(models))[:size].tolist()) for _ in range(MOST_SPLITS)]


def best_exit(count_EN: CountArray) -> IntArray:
    """Return (N,), the row of the exit that most trainings get right; of equal ones the latest."""
    latest_first_EN = count_EN[::-1]
    return np.asarray(len(count_EN) - 1 - latest_first_EN.argmax(axis=0))


def _gain(correct_REN: BoolArray, models: Sequence[int], size: int) -> FloatArray:
    chosen_REN = correct_REN[list(models)]
    total_EN = chosen_REN.sum(axis=0, dtype=np.int32)
    gain_N = np.zeros(total_EN.shape[1])
    splits = halves(range(len(models)), size)
    for half in splits:
        count_EN = chosen_REN[list(half)].sum(axis=0, dtype=np.int32)
        gain_N += _over_last(total_EN - count_EN, best_exit(count_EN)) / (len(models) - len(half))
    return gain_N / len(splits)


def _seen(correct_REN: BoolArray, models: Sequence[int]) -> FloatArray:
    count_EN = correct_REN[list(models)].sum(axis=0, dtype=np.int32)
    return _over_last(count_EN, best_exit(count_EN)) / len(models)


def _over_last(count_EN: CountArray, exit_N: IntArray) -> FloatArray:
    return np.asarray(np.take_along_axis(count_EN, exit_N[None], axis=0)[0] - count_EN[-1], dtype=np.float64)
