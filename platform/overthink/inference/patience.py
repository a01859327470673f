"""Patience: exit once a given number of exits in a row agree (Zhou et al. 2020)."""

import numpy as np

from overthink.predictions.arrays import FloatArray, IntArray


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
