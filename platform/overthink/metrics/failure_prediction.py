"""Failure prediction: how well a confidence tells right answers from wrong ones, whatever its scale.

All take correct_N, bool, and sure_N, higher for more confident, of N samples. Samples of equal confidence count as if
their order were drawn: each statistic is the mean over all orders.
"""

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray


def auroc(correct_N: BoolArray, sure_N: FloatArray) -> float:
    """Return P(confidence of a right answer > that of a wrong one), ties half; NaN where one of the two is missing.

    >>> round(auroc(np.array([True, False, True, True]), np.array([0.9, 0.8, 0.7, 0.6])), 6)
    0.333333
    """
    n_right = int(correct_N.sum())
    n_wrong = len(correct_N) - n_right
    if not n_right or not n_wrong:
        return float("nan")
    _, place_N, count_G = np.unique(sure_N, return_inverse=True, return_counts=True)
    rank_G = count_G.cumsum() - (count_G - 1) / 2  # the mean rank of equal ones
    return float((rank_G[place_N[correct_N]].sum() - n_right * (n_right + 1) / 2) / (n_right * n_wrong))


def aurc(correct_N: BoolArray, sure_N: FloatArray) -> float:
    """Return the area under the risk-coverage curve: (1/N) sum_i (error rate of the i most confident), Geifman 2019.

    >>> round(aurc(np.array([True, False, True, True]), np.array([0.9, 0.8, 0.7, 0.6])), 6)
    0.270833
    """
    _, place_N, count_G = np.unique(-sure_N, return_inverse=True, return_counts=True)
    errors_G = np.bincount(place_N, ~correct_N)
    expected_N = np.repeat(errors_G / count_G, count_G)  # of each place, if equal ones are in any order
    risk_N = expected_N.cumsum() / np.arange(1, len(correct_N) + 1)
    return float(risk_N.mean())


def least_aurc(correct_N: BoolArray) -> float:
    """Return the area where all right answers are more confident than all wrong ones.

    >>> least_aurc(np.array([True, False, True, True]))
    0.0625
    """
    return aurc(correct_N, correct_N.astype(np.float64))


def excess_aurc(correct_N: BoolArray, sure_N: FloatArray) -> float:
    """Return how far the area is above the least one that its error rate allows.

    >>> round(excess_aurc(np.array([True, False, True, True]), np.array([0.9, 0.8, 0.7, 0.6])), 6)
    0.208333
    """
    return aurc(correct_N, sure_N) - least_aurc(correct_N)
