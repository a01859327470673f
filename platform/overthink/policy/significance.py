"""Significance tests of a policy network against predictions that do not depend on the image."""

import numpy as np

from overthink.policy.scores import balanced_accuracy
from overthink.predictions.arrays import IntArray

PERMUTATIONS = 2000
SEED = 0
"""Of the permutations, so that the same data gives the same p-value."""


def better_than_constant(label_N: IntArray, predicted_N: IntArray) -> float:
    """Return the exact one-sided p-value of the hypothesis that the predictions are no better than the best constant.

    McNemar's test in its binomial form: among the samples that only one of the two gets right, the constant is right
    for at least half. The constant is the most frequent label of these samples, the best one possible.

    >>> label_N = np.array([0] * 6 + [1] * 5)
    >>> better_than_constant(label_N, label_N)  # 1/2 to the power of 5
    0.03125
    """
    from scipy.stats import binomtest

    right_N, constant_N = predicted_N == label_N, label_N == np.bincount(label_N).argmax()
    ours, theirs = int((right_N & ~constant_N).sum()), int((constant_N & ~right_N).sum())
    if ours + theirs == 0:
        return 1.0
    return float(binomtest(ours, ours + theirs, 0.5, alternative="greater").pvalue)


def better_than_chance(label_N: IntArray, predicted_N: IntArray, n_classes: int) -> float:
    """Return the one-sided permutation p-value of the hypothesis that predictions are independent of labels.

    The statistic is balanced accuracy; PERMUTATIONS permutations of the predictions, (k + 1) / (n + 1).
    """
    rng = np.random.default_rng(SEED)
    seen = balanced_accuracy(label_N, predicted_N, n_classes)
    right_PC = np.array(
        [
            np.bincount(label_N[rng.permutation(predicted_N) == label_N], minlength=n_classes)
            for _ in range(PERMUTATIONS)
        ]
    )
    count_C = np.bincount(label_N, minlength=n_classes)
    recall_PC = right_PC[:, count_C > 0] / count_C[count_C > 0]
    as_good = int((recall_PC.mean(axis=1) >= seen - 1e-12).sum())
    return (as_good + 1) / (PERMUTATIONS + 1)


def accuracy_interval(right: int, count: int) -> tuple[float, float]:
    """Return the Wilson 95% interval of an accuracy, as fractions; `right` of `count` samples are correct.

    >>> [round(end, 3) for end in accuracy_interval(30, 50)]
    [0.462, 0.724]
    """
    from scipy.stats import binomtest

    low, high = binomtest(right, count).proportion_ci(0.95, method="wilson")
    return float(low), float(high)
