"""Whether final overthinking repeats from training to training more than the difficulty of samples can explain.

What two networks overthink in common is compared with what two composed networks do: earlier exits of one repeat, the
last exit of another. A composed network sees every sample at its exits' own difficulty, and shares no training with the
other one, which is composed of two more repeats. Unlike grades of difficulty, this needs no estimate of difficulty.
"""

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.statistics.jackknife import Interval, of_positive

FEWEST = 5
"""Models: two composed networks take four, and one is left out for the interval."""


def beyond_difficulty(correct_REN: BoolArray) -> Interval | None:
    """Return the lift of networks over the lift of composed networks; 1 where difficulty explains all of it.

    A lift is the chance that two overthink a sample over the square of the chance that one does. None below FEWEST
    models, with a single exit, or where nothing is overthought twice.
    """
    repeats, n_exits, _ = correct_REN.shape
    if repeats < FEWEST or n_exits < 2:
        return None
    earlier_RN = np.asarray(correct_REN[:, :-1].any(axis=1))
    lost_RN = ~correct_REN[:, -1]
    value = _ratio(earlier_RN, lost_RN)
    without = [
        _ratio(np.delete(earlier_RN, left_out, axis=0), np.delete(lost_RN, left_out, axis=0))
        for left_out in range(repeats)
    ]
    return of_positive(value, without) if value > 0 else None


def _ratio(earlier_RN: BoolArray, lost_RN: BoolArray) -> float:
    r = len(earlier_RN)
    x_N, y_N, both_N = (events_RN.sum(axis=0) for events_RN in (earlier_RN, lost_RN, earlier_RN & lost_RN))
    one = (both_N / r).mean()
    two = (both_N * (both_N - 1) / (r * (r - 1))).mean()
    one_composed = ((x_N * y_N - both_N) / (r * (r - 1))).mean()
    two_composed = (_disjoint(x_N, y_N, both_N) / (r * (r - 1) * (r - 2) * (r - 3))).mean()
    if one == 0 or two_composed == 0:
        return 0.0
    return float((two / one**2) / (two_composed / one_composed**2))


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
