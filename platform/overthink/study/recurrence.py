"""Whether trainings that differ only in their randomness overthink the same samples."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.statistics.crossed import crossed_jackknife, leave_out
from overthink.statistics.jackknife import Interval


class Recurrence(NamedTuple):
    """Of sets of overthought samples, a set a training; intervals over new trainings and samples."""

    lift: Interval
    """The chance that two trainings overthink a sample over the square of the chance that one does; 1 where they are
    independent. Hard samples alone raise it: see `composed.beyond_difficulty`.
    """
    auc: Interval
    """How well the number of other trainings that overthink a sample predicts this one's: the area under the ROC curve,
    0.5 where it does not.
    """


def recurrence(overthought_RN: BoolArray) -> Recurrence | None:
    """Return how far the sets agree. None where fewer than two trainings overthink anything.

    Raises ValueError for fewer than two trainings.
    """
    repeats = len(overthought_RN)
    if repeats < 2:
        raise ValueError(f"recurrence compares trainings, and there is {repeats}")
    if overthought_RN.any(axis=1).sum() < 2:
        return None
    lift = crossed_jackknife(leave_out(lambda models: _chances(overthought_RN, models), repeats), _lift, scale="log")
    auc = crossed_jackknife(leave_out(lambda models: _scores(overthought_RN, models), repeats), _auc)
    return Recurrence(lift, auc.cut(1))


def _chances(overthought_RN: BoolArray, models: Sequence[int]) -> FloatArray:
    """Return (2, N): how many of the models overthink a sample, and how many ordered pairs, as shares."""
    n, count_N = len(models), overthought_RN[list(models)].sum(axis=0)
    return np.stack([count_N / n, count_N * (count_N - 1) / (n * (n - 1))])


def _lift(mean_K: FloatArray) -> float:
    one, two = mean_K
    return float(two / one**2) if one > 0 else float("nan")


def _scores(overthought_RN: BoolArray, models: Sequence[int]) -> FloatArray:
    """Return (2 R, N): shares of models that do (first R rows) and do not overthink, where 0 .. R-1 others do."""
    n, chosen_RN = len(models), overthought_RN[list(models)]
    count_N = chosen_RN.sum(axis=0)
    does_SN = np.stack([(count_N == score + 1) * (score + 1) / n for score in range(n)])
    does_not_SN = np.stack([(count_N == score) * (n - score) / n for score in range(n)])
    return np.concatenate([does_SN, does_not_SN])


def _auc(mean_K: FloatArray) -> float:
    """Return P(score of one that does > of one that does not) + P(equal) / 2."""
    does_S, does_not_S = np.split(mean_K, 2)
    if does_S.sum() <= 0 or does_not_S.sum() <= 0:
        return float("nan")
    below_S = np.cumsum(does_not_S) - does_not_S
    return float(does_S @ (below_S + does_not_S / 2) / (does_S.sum() * does_not_S.sum()))
