"""Whether final overthinking repeats from training to training more than the difficulty of samples can explain.

What two networks overthink in common is compared with what two composed networks do: earlier exits of one repeat, the
last exit of another. A composed network sees every sample at its exits' own difficulty, and shares no training with the
other one, which is composed of two more repeats. Unlike grades of difficulty, this needs no estimate of difficulty.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.statistics.crossed import crossed_jackknife, leave_out
from overthink.statistics.jackknife import Interval

FEWEST = 5
"""Models: two composed networks take four, and one is left out for the interval."""


class Composed(NamedTuple):
    """Networks beside composed networks; intervals over new trainings and samples."""

    beyond_difficulty: Interval | None
    """The lift of networks over the lift of composed networks; 1 where difficulty explains all of it.

    A lift is the chance that two overthink a sample over the square of the chance that one does. None where nothing is
    overthought twice.
    """
    sample_share: Interval | None
    """The intraclass correlation of composed networks' final overthinking: what samples alone make of it."""


def composed(correct_REN: BoolArray) -> Composed | None:
    """Return the comparison; None below FEWEST models, with a single exit, or where nothing is overthought."""
    repeats, n_exits, _ = correct_REN.shape
    if repeats < FEWEST or n_exits < 2:
        return None
    earlier_RN = np.asarray(correct_REN[:, :-1].any(axis=1))
    lost_RN = ~correct_REN[:, -1]
    left_out = leave_out(lambda models: _chances(earlier_RN, lost_RN, models), repeats, fewest=FEWEST - 1)
    one, two, one_composed, two_composed = left_out.mean_K
    if min(one, one_composed) <= 0:
        return None
    beyond = crossed_jackknife(left_out, _ratio, scale="log") if two > 0 and two_composed > 0 else None
    return Composed(beyond, crossed_jackknife(left_out, _share))


def _chances(earlier_RN: BoolArray, lost_RN: BoolArray, models: Sequence[int]) -> FloatArray:
    """Return (4, N): the chances that one network, two, one composed network, and two overthink a sample."""
    r, chosen = len(models), list(models)
    x_N, y_N = earlier_RN[chosen].sum(axis=0), lost_RN[chosen].sum(axis=0)
    both_N = (earlier_RN[chosen] & lost_RN[chosen]).sum(axis=0)
    return np.stack(
        [
            both_N / r,
            both_N * (both_N - 1) / (r * (r - 1)),
            (x_N * y_N - both_N) / (r * (r - 1)),
            _disjoint(x_N, y_N, both_N) / (r * (r - 1) * (r - 2) * (r - 3)),
        ]
    )


def _ratio(mean_K: FloatArray) -> float:
    one, two, one_composed, two_composed = mean_K
    return float((two / one**2) / (two_composed / one_composed**2))


def _share(mean_K: FloatArray) -> float:
    _, _, one, two = mean_K
    return float((two - one**2) / (one * (1 - one)))


def _disjoint(x_N: IntArray, y_N: IntArray, both_N: IntArray) -> FloatArray:
    """Return how many ordered choices (a, c; b, d) there are with a, c among x, b, d among y, and all four different.

    By how many of a and c, 0 to 2, are among y as well: those leave fewer to choose b and d from.
    """
    only_N = x_N - both_N
    ways = (
        _pairs(only_N) * _pairs(y_N),
        both_N * only_N * _pairs(y_N - 1),
        _pairs(both_N) * _pairs(y_N - 2),
    )
    choices_N: FloatArray = 4.0 * np.sum(ways, axis=0)
    return choices_N


def _pairs(count_N: IntArray) -> FloatArray:
    """Return count (count - 1) / 2; 0 where there are fewer than two."""
    return np.maximum(count_N, 0) * np.maximum(count_N - 1, 0) / 2
