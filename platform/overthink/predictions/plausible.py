"""Whether labels belong to predictions whose samples are only known by their order."""

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.predictions.predictions import Predictions

PERMUTATIONS, SEED = 199, 0
LARGEST_P = 0.01


def check_label_order(predictions: Predictions) -> None:
    """Raise ValueError where labels that were joined by their order do not fit the predictions."""
    labels_N, predicted_EN = predictions.labels_N, predictions.predicted_EN
    assert labels_N is not None
    if predicted_EN is None:
        p, seen = label_order_p(predictions.correct_EN, labels_N), "accuracy varies from class to class no more than"
    else:
        p, seen = _right_p(predicted_EN, labels_N), "exits are right no more often than"
    if p > LARGEST_P:
        raise ValueError(
            f"the data set's labels do not fit in this order: {seen} with permuted labels (p = {p:.2g}); without "
            "--dataset it is imported without labels"
        )


def _right_p(predicted_EN: IntArray, labels_N: IntArray) -> float:
    rng = np.random.default_rng(SEED)
    seen = (predicted_EN == labels_N).sum()
    as_high = sum((predicted_EN == rng.permutation(labels_N)).sum() >= seen for _ in range(PERMUTATIONS))
    return float(as_high + 1) / (PERMUTATIONS + 1)


def label_order_p(correct_EN: BoolArray, labels_N: IntArray) -> float:
    """Return the p of a permutation test that accuracy varies from class to class no more than by chance.

    Classes differ in how hard they are. So with the right labels accuracy by class varies more than with permuted ones;
    the statistic is its variance over classes, mean over exits (1 / 200 is the least p there is).

    >>> labels_N = np.repeat(np.arange(10), 100)
    >>> correct_EN = np.random.default_rng(0).random((1, 1000)) < labels_N / 10
    >>> label_order_p(correct_EN, labels_N), label_order_p(correct_EN[:, ::7], labels_N[:143]) > 0.01
    (0.005, False)
    """
    rng = np.random.default_rng(SEED)
    right_EN = correct_EN.astype(np.float64)
    seen = _variance(right_EN, labels_N)
    as_high = sum(_variance(right_EN, rng.permutation(labels_N)) >= seen for _ in range(PERMUTATIONS))
    return (as_high + 1) / (PERMUTATIONS + 1)


def _variance(right_EN: FloatArray, labels_N: IntArray) -> float:
    count_C = np.bincount(labels_N)
    there_C = count_C > 0
    rates = [np.bincount(labels_N, right_N)[there_C] / count_C[there_C] for right_N in right_EN]
    return float(np.mean([np.var(rate_C) for rate_C in rates]))
