"""What exiting reaches at best, and without any choice: oracle, upper bound, anytime (thesis fig. 3.7).

All take correct_EN, bool (E, N), and cost_E, cumulative MUL-ADDs per sample that grow from exit to exit.
"""

from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray


class OperatingPoint(NamedTuple):
    """Accuracy (fraction of all samples) at a mean cost (MUL-ADDs per sample, over all samples)."""

    accuracy: float
    mean_cost: float


def oracle(correct_EN: BoolArray, cost_E: IntArray) -> OperatingPoint:
    """Send each sample to the cheapest exit that is right; do no inference where none is (thesis fig. 3.7).

    The samples left out cost nothing and count as wrong: both means are over all samples.
    """
    solvable_N = correct_EN.any(axis=0)
    cost_N = np.where(solvable_N, _cost_of_first_right(correct_EN, cost_E), 0)
    return OperatingPoint(float(solvable_N.mean()), float(cost_N.mean()))


def upper_bound(correct_EN: BoolArray, cost_E: IntArray) -> OperatingPoint:
    """Send each sample to the cheapest exit that is right, or to the last where none is (thesis fig. 3.7).

    The thesis's realistic upper bound: the oracle's accuracy at a higher cost.
    """
    solvable_N = correct_EN.any(axis=0)
    cost_N = np.where(solvable_N, _cost_of_first_right(correct_EN, cost_E), cost_E[-1])
    return OperatingPoint(float(solvable_N.mean()), float(cost_N.mean()))


def anytime(correct_EN: BoolArray, cost_E: IntArray) -> tuple[OperatingPoint, ...]:
    """Send every sample to one exit: a point an exit, in their order (thesis section 3.2.1)."""
    accuracy_E = correct_EN.mean(axis=1)
    return tuple(OperatingPoint(*point) for point in zip(accuracy_E.tolist(), cost_E.tolist(), strict=True))


def _cost_of_first_right(correct_EN: BoolArray, cost_E: IntArray) -> IntArray:
    """Return (N,) MUL-ADDs of the first right exit; the first exit's where none is right."""
    assert len(correct_EN) == len(cost_E), (correct_EN.shape, cost_E.shape)
    cost_N: IntArray = cost_E[correct_EN.argmax(axis=0)]
    return cost_N


def uniform_budgets(cost_E: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return budgets and weights for `expected_anytime`: all budgets from exit 1's to the last exit's cost alike.

    An exit is the deepest that fits for budgets up to the next one's cost, so its weight is that distance; the last
    exit is reached by one budget alone and weighs nothing, unless it is the only exit.
    """
    gap_E = np.diff(cost_E, append=cost_E[-1]).astype(np.float64)
    return cost_E.astype(np.float64), gap_E if gap_E.any() else np.ones(1)


def expected_anytime(value_E: FloatArray, cost_E: IntArray, budgets_M: FloatArray, weights_M: FloatArray) -> float:
    """Return the expectation of a value of the exits, such as their loss, under a distribution of budgets.

    Thesis eq. 3.2 for anytime prediction: a budget B, in MUL-ADDs a sample, is spent on the deepest exit that fits it.
    Budgets are weighed by weights_M, which need not add up to 1. Raises ValueError for a budget that fits no exit.
    """
    return float(np.average(value_E[deepest(cost_E, budgets_M)], weights=weights_M))


def deepest(cost_E: IntArray, budgets_M: FloatArray) -> IntArray:
    """Return the row of the deepest exit that each budget allows; raises ValueError for one that allows none."""
    if (budgets_M < cost_E[0]).any():
        raise ValueError(f"a budget of {budgets_M.min():,.0f} MUL-ADDs is less than exit 1 takes, {cost_E[0]:,}")
    rows_M: IntArray = np.searchsorted(cost_E, budgets_M, side="right") - 1
    return rows_M
