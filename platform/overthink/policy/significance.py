"""Tests of a policy network's answers against those of something that looks at nothing."""

import numpy as np

from overthink.policy.scores import balanced_accuracy
from overthink.predictions.arrays import IntArray

PERMUTATIONS = 2000
SEED = 0
"""Of the permutations: the same numbers give the same p."""


def better_than_constant(label_N: IntArray, predicted_N: IntArray) -> float:
    """Return the exact one-sided p-value that the answers are no more often right than the best constant answer.

    McNemar's test in its binomial form: of the samples that only one of the two gets right, the constant answer would
    get at least half. The constant is the most frequent label of these very samples: nobody could know a better one.
    """
    from scipy.stats import binomtest

    right_N, constant_N = predicted_N == label_N, label_N == np.bincount(label_N).argmax()
    ours, theirs = int((right_N & ~constant_N).sum()), int((constant_N & ~right_N).sum())
    if ours + theirs == 0:
        return 1.0
    return float(binomtest(ours, ours + theirs, 0.5, alternative="greater").pvalue)


def better_than_chance(label_N: IntArray, predicted_N: IntArray, n_classes: int) -> float:
    """Return the one-sided permutation p-value that the balanced accuracy is that of answers unrelated to labels."""
    chance = np.random.default_rng(SEED)
    seen = balanced_accuracy(label_N, predicted_N, n_classes)
    as_good = sum(
        balanced_accuracy(label_N, chance.permutation(predicted_N), n_classes) >= seen - 1e-12
        for _ in range(PERMUTATIONS)
    )
    return (as_good + 1) / (PERMUTATIONS + 1)


def accuracy_interval(right: int, count: int) -> tuple[float, float]:
    """Return Wilson's 95% interval of an accuracy over samples."""
    from scipy.stats import binomtest

    low, high = binomtest(right, count).proportion_ci(0.95, method="wilson")
    return float(low), float(high)
