"""Accuracy and cost of ideal exiting (oracle, upper bound), thesis fig. 3.7.

All take correct_EN, bool (E, N), and cost_E, cumulative MUL-ADDs per sample that grow from exit to exit.
"""

from typing import NamedTuple

import numpy as np

from overthink.inference.budget_oracle import TOLERANCE
from overthink.predictions.arrays import BoolArray, CostArray, FloatArray, IntArray


class OperatingPoint(NamedTuple):
    """Accuracy (fraction of all samples) at a mean cost (MUL-ADDs per sample, over all samples)."""

    accuracy: float
    mean_cost: float


def oracle(correct_EN: BoolArray, cost_E: CostArray) -> OperatingPoint:
    """Send each sample to the cheapest exit that is right; do no inference where none is (thesis fig. 3.7).

    Samples without inference cost nothing and count as wrong: both means are over all samples.

    >>> oracle(np.array([[True, False, False], [True, True, False]]), np.array([30, 90]))
    OperatingPoint(accuracy=0.6666666666666666, mean_cost=40.0)
    """
    solvable_N = correct_EN.any(axis=0)
    cost_N = np.where(solvable_N, _cost_of_first_right(correct_EN, cost_E), 0)
    return OperatingPoint(float(solvable_N.mean()), float(cost_N.mean()))


def upper_bound(correct_EN: BoolArray, cost_E: CostArray) -> OperatingPoint:
    """Send each sample to the cheapest exit that is right, or to the last where none is (thesis fig. 3.7).

    The thesis's realistic upper bound: the oracle's accuracy at a higher cost.

    >>> upper_bound(np.array([[True, False, False], [True, True, False]]), np.array([30, 90]))
    OperatingPoint(accuracy=0.6666666666666666, mean_cost=70.0)
    """
    solvable_N = correct_EN.any(axis=0)
    cost_N = np.where(solvable_N, _cost_of_first_right(correct_EN, cost_E), cost_E[-1])
    return OperatingPoint(float(solvable_N.mean()), float(cost_N.mean()))


def _cost_of_first_right(correct_EN: BoolArray, cost_E: CostArray) -> CostArray:
    """Return the MUL-ADDs of each sample's first right exit, (N,); exit 1's if none is right."""
    assert len(correct_EN) == len(cost_E), (correct_EN.shape, cost_E.shape)
    cost_N: CostArray = cost_E[correct_EN.argmax(axis=0)]
    return cost_N


def uniform_budgets(cost_E: CostArray) -> tuple[FloatArray, FloatArray]:
    """Return budgets and weights for `expected_anytime`, for budgets uniform between exit 1's and the last exit's cost.

    An exit is the deepest one for budgets up to the next exit's cost, so its weight is the difference of the two costs;
    the last exit has weight 0, unless it is the only one.
    """
    gap_E = np.diff(cost_E, append=cost_E[-1]).astype(np.float64)
    return cost_E.astype(np.float64), gap_E if gap_E.any() else np.ones(1)


def expected_anytime(value_E: FloatArray, cost_E: CostArray, budgets_M: FloatArray, weights_M: FloatArray) -> float:
    """Return the expected value over a distribution of budgets of a value per exit (E,), such as the loss.

    Thesis eq. 3.2 for anytime prediction: each budget, in MUL-ADDs per sample, is spent on the deepest exit that it
    allows. weights_M need not sum to 1. Raises ValueError for a budget below exit 1's cost.

    >>> expected_anytime(np.array([2.0, 1.0]), np.array([10, 20]), np.array([15.0, 20.0]), np.array([1.0, 3.0]))
    1.25
    """
    return float(np.average(value_E[deepest(cost_E, budgets_M)], weights=weights_M))


def deepest(cost_E: CostArray, budgets_M: FloatArray) -> IntArray:
    """Return the row of the deepest exit within each budget, (M,); raises ValueError for one below exit 1's cost."""
    largest_M = budgets_M * (1 + TOLERANCE)
    if (largest_M < cost_E[0]).any():
        raise ValueError(f"a budget of {budgets_M.min():,.0f} MUL-ADDs is below the cost of exit 1, {cost_E[0]:,}")
    rows_M: IntArray = np.searchsorted(cost_E, largest_M, side="right") - 1
    return rows_M
