"""The best that any assignment of exits can do within a total budget, exactly."""

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray


def budget_oracle(correct_EN: BoolArray, cost_E: IntArray, budgets_P: FloatArray) -> FloatArray:
    """Return the highest accuracy (P,) that any choice of one exit a sample reaches within budgets, MUL-ADDs a sample.

    Every sample takes exit 1 at least. One that its exit 1 has wrong and exit k first has right is worth one for
    cost_k - cost_1 more, so taking the cheapest first is optimal (a knapsack of equal values). NaN below cost_1, where
    nothing is possible. The thesis's oracle, which knows when not to start, may spend less; it cannot be more accurate.
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
"""Budgets are products of floats: one that fits to the last MUL-ADD must not fail by rounding."""
