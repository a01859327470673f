"""Patience: leave once so many exits in a row agree (Zhou et al. 2020)."""

import numpy as np

from overthink.predictions.arrays import FloatArray, IntArray


def agreement_streak(predicted_EN: IntArray) -> FloatArray:
    """Return how many exits in a row, up to and including each one, predict the same, (E, N); 1 at exit 1.

    As a confidence with threshold k it lets a sample leave where k exits agree.
    """
    streak_EN = np.ones(predicted_EN.shape)
    for i in range(1, len(predicted_EN)):
        agrees_N = predicted_EN[i] == predicted_EN[i - 1]
        streak_EN[i] = np.where(agrees_N, streak_EN[i - 1] + 1, 1)
    return streak_EN
