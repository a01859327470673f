"""The highest accuracy that any assignment of samples to exits reaches within a total budget."""

import numpy as np

from overthink.predictions.arrays import BoolArray, CostArray, FloatArray


def budget_oracle(correct_EN: BoolArray, cost_E: CostArray, budgets_P: FloatArray) -> FloatArray:
    """Return the highest accuracy (P,) that one exit per sample can reach within budgets (P,), MUL-ADDs per sample.

    Every sample uses at least exit 1. A sample that exit k is the first to get right adds one correct sample for
    cost_k - cost_1 more, so the cheapest samples are taken first (a knapsack of equal values). NaN for a budget below
    cost_1. The thesis's oracle may cost less, since it does no inference for samples that no exit gets right; it is not
    more accurate.

    >>> correct_EN = np.array([[True, False, False], [True, True, False]])
    >>> budget_oracle(correct_EN, np.array([10, 40]), np.array([10.0, 20.0])).tolist()
    [0.3333333333333333, 0.6666666666666666]
    """
    n_samples = correct_EN.shape[1]
    first_N = correct_EN.argmax(axis=0)
    first_N = first_N[correct_EN.any(axis=0)]
    count_E = np.bincount(first_N, minlength=len(cost_E))
    extra_E = cost_E - cost_E[0]
    accuracy_P = np.empty(len(budgets_P))
    for p, budget in enumerate(budgets_P):
        left = (budget - cost_E[0]) * n_samples
        right = float(count_E[0]) if left >= -TOLERANCE * cost_E[0] * n_samples else np.nan
        for count, extra in zip(count_E[1:], extra_E[1:], strict=True):
            taken = min(int(count), int(max(left, 0.0) * (1 + TOLERANCE) // extra))
            right, left = right + taken, left - taken * extra
        accuracy_P[p] = right / n_samples
    return accuracy_P


TOLERANCE = 1e-12
"""Relative. Budgets are products of floats: a budget that is met exactly must not be missed by rounding."""


def within(cost_P: FloatArray, budget: float) -> BoolArray:
    """Return which costs are within a budget, but for rounding: the mean of a thousand costs of 0.4 is above 0.4."""
    return np.asarray(cost_P <= budget * (1 + TOLERANCE))
