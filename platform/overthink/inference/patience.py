"""Patience: exit once k exits in a row agree (Zhou et al. 2020). With E exits, k from 1 to E are all there is."""

import numpy as np

from overthink.predictions.arrays import FloatArray, IntArray

PATIENCE = "patience"
"""The name of the criterion."""


def agreement_streak(predicted_EN: IntArray) -> FloatArray:
    """Return the number of exits in a row, up to and including each one, that predict the same class, (E, N).

    1 at exit 1. As a confidence with threshold k, a sample exits once k exits in a row agree.

    >>> agreement_streak(np.array([[1, 1], [1, 0], [1, 0]])).tolist()
    [[1.0, 1.0], [2.0, 1.0], [3.0, 2.0]]
    """
    streak_EN = np.ones(predicted_EN.shape)
    for i in range(1, len(predicted_EN)):
        agrees_N = predicted_EN[i] == predicted_EN[i - 1]
        streak_EN[i] = np.where(agrees_N, streak_EN[i - 1] + 1, 1)
    return streak_EN


def patience_thresholds(n_exits: int) -> FloatArray:
    """Return the thresholds of `agreement_streak` for k = 1..E agreeing exits, (E, E): a row a k, a column an exit.

    inf for an exit that has too few exits before it; -inf for the last exit, where all remaining samples exit.

    >>> patience_thresholds(3).tolist()
    [[1.0, 1.0, -inf], [inf, 2.0, -inf], [inf, inf, -inf]]
    """
    k_E = np.arange(1.0, n_exits + 1)
    threshold_EE: FloatArray = np.where(k_E >= k_E[:, None], k_E[:, None], np.inf)
    threshold_EE[:, -1] = -np.inf
    return threshold_EE
