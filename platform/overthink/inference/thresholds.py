"""Thresholds for early exiting: exit distributions, the thresholds that realise them, and exits (thesis Algorithm 1).

confidence_EN is any measure that is higher for a more confident exit (see `confidence`). Row 0 is exit 1.
"""

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray

TURNING_POINT = 20
"""b of thesis eq. 3.10: p = b gives every exit the same share."""
ITERATIONS = 39
"""p runs from 1 to this, as in the reference."""


def exit_distributions(n_exits: int, b: int = TURNING_POINT, iterations: int = ITERATIONS) -> FloatArray:
    """Return the share of samples that exits at each exit, (P, E), for p = 1..P: q_i ~ (p/b)^i (thesis eq. 3.10).

    Small p favours early exits, large p late ones. Rows sum to 1. Raises ValueError for b or P below 1.

    >>> exit_distributions(2, b=1, iterations=2).round(3).tolist()
    [[0.5, 0.5], [0.333, 0.667]]
    """
    if b < 1 or iterations < 1:
        raise ValueError(f"b and the number of iterations must be at least 1, got {b} and {iterations}")
    log_q_PE = np.log(np.arange(1, iterations + 1) / b)[:, None] * np.arange(1, n_exits + 1)
    q_PE = np.exp(log_q_PE - log_q_PE.max(axis=1, keepdims=True))  # a hundred exits would overflow otherwise
    shares_PE: FloatArray = q_PE / q_PE.sum(axis=1, keepdims=True)
    return shares_PE


def thresholds(confidence_EN: FloatArray, q_E: FloatArray) -> FloatArray:
    """Return the thresholds, (E,), with which a share q_i of the samples exits at exit i (thesis Algorithm 1).

    The threshold of exit i is the floor(N q_i)-th highest confidence among the remaining samples; samples with at least
    this confidence exit. It is inf if floor(N q_i) is 0. Ties can make more samples exit; if fewer than floor(N q_i)
    then remain at a later exit, all of them exit there (see `tied`). The last threshold is -inf.

    Raises ValueError if there are no samples, or if a confidence is NaN.

    >>> thresholds(np.array([[0.9, 0.7, 0.6, 0.5], [0.9, 0.9, 0.9, 0.9]]), np.array([0.5, 0.5])).tolist()
    [0.7, -inf]
    """
    n_exits, n_samples = confidence_EN.shape
    if not n_samples:
        raise ValueError("thresholds need validation samples, but there are none")
    if np.isnan(confidence_EN).any():
        raise ValueError("a confidence is not a number (NaN)")
    threshold_E = np.full(n_exits, np.inf)
    threshold_E[-1] = -np.inf
    still_there_N = np.ones(n_samples, dtype=bool)
    for i, wanted in enumerate(_counts(n_samples, q_E[:-1]).tolist()):
        here_M = confidence_EN[i, still_there_N]
        count = min(wanted, len(here_M))
        if count:
            threshold_E[i] = np.partition(here_M, len(here_M) - count)[len(here_M) - count]
            still_there_N &= confidence_EN[i] < threshold_E[i]
    return threshold_E


ROUNDING = 1e-9
"""In samples: a share of exactly 1/5 must not be rounded down to fewer samples."""


def tied(exit_N: IntArray, q_E: FloatArray) -> BoolArray:
    """Return whether another number of samples than floor(N q_i) exits at exit i, (E,); False for the last exit.

    `thresholds` give exactly that number where no two confidences are equal, so ties are the cause, and no threshold
    would give it.

    >>> tied(np.array([0, 0, 0, 2]), np.array([0.25, 0.5, 0.25])).tolist()
    [True, True, False]
    """
    tied_E: BoolArray = np.bincount(exit_N, minlength=len(q_E)) != _counts(len(exit_N), q_E)
    tied_E[-1] = False
    return tied_E


def _counts(n_samples: int, q_E: FloatArray) -> IntArray:
    return np.floor(n_samples * q_E + ROUNDING).astype(np.int64)


def exits_taken(confidence_EN: FloatArray, threshold_E: FloatArray) -> IntArray:
    """Return the row of each sample's exit, (N,): the first with a confidence of at least its threshold.

    All remaining samples exit at the last exit, whatever its threshold.

    >>> exits_taken(np.array([[0.9, 0.4], [0.9, 0.6]]), np.array([0.7, np.inf])).tolist()
    [0, 1]
    """
    leaves_EN = confidence_EN >= threshold_E[:, None]
    leaves_EN[-1] = True
    rows_N: IntArray = leaves_EN.argmax(axis=0)
    return rows_N
