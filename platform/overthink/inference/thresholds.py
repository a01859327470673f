"""When to leave: exit distributions, the thresholds that bring them about, and who leaves where (thesis Algorithm 1).

confidence_EN is any measure that is higher where an exit is surer (see `confidence`). Exits are rows: row 0 is exit 1.
"""

import numpy as np

from overthink.predictions.arrays import FloatArray, IntArray

TURNING_POINT = 20
"""b of thesis eq. 3.10: with p = b every exit gets the same share."""
ITERATIONS = 39
"""p runs from 1 to this, as in the reference."""


def exit_distributions(n_exits: int, b: int = TURNING_POINT, iterations: int = ITERATIONS) -> FloatArray:
    """Return the share of samples that leaves at each exit, (P, E), for p = 1..P: q_i ~ (p/b)^i (thesis eq. 3.10).

    Small p favours early exits, large p late ones. Rows add up to 1. Raises ValueError for b or P below 1.
    """
    if b < 1 or iterations < 1:
        raise ValueError(f"b and the number of iterations must be at least 1, got {b} and {iterations}")
    log_q_PE = np.log(np.arange(1, iterations + 1) / b)[:, None] * np.arange(1, n_exits + 1)
    q_PE = np.exp(log_q_PE - log_q_PE.max(axis=1, keepdims=True))  # a hundred exits would overflow otherwise
    shares_PE: FloatArray = q_PE / q_PE.sum(axis=1, keepdims=True)
    return shares_PE


def thresholds(confidence_EN: FloatArray, q_E: FloatArray) -> FloatArray:
    """Return the thresholds (E,) by which a share q_i of the samples leaves at exit i (thesis Algorithm 1).

    At each exit, the threshold is the confidence of the floor(N q_i)-th surest sample that is still there; everything
    at least as sure leaves. It is inf where that count is 0, so nobody leaves. Where ties have let more leave before
    than were due, an exit may find fewer than its count: then all that are left leave. The last exit takes everything:
    -inf.

    Raises ValueError for no samples, and for a confidence that is not a number.
    """
    n_exits, n_samples = confidence_EN.shape
    if not n_samples:
        raise ValueError("thresholds need validation samples, but there are none")
    if np.isnan(confidence_EN).any():
        raise ValueError("a confidence is not a number")
    threshold_E = np.full(n_exits, np.inf)
    threshold_E[-1] = -np.inf
    still_there_N = np.ones(n_samples, dtype=bool)
    for i in range(n_exits - 1):
        here_M = confidence_EN[i, still_there_N]
        count = min(int(np.floor(n_samples * q_E[i] + ROUNDING)), len(here_M))
        if count:
            threshold_E[i] = np.partition(here_M, len(here_M) - count)[len(here_M) - count]
            still_there_N &= confidence_EN[i] < threshold_E[i]
    return threshold_E


ROUNDING = 1e-9
"""A share of exactly 1/5 must not become 0.19999 of the samples."""


def exits_taken(confidence_EN: FloatArray, threshold_E: FloatArray) -> IntArray:
    """Return the row of the exit that each sample leaves at, (N,): the first at least as sure as its threshold.

    The last exit takes whatever is left, whatever its threshold.
    """
    leaves_EN = confidence_EN >= threshold_E[:, None]
    leaves_EN[-1] = True
    rows_N: IntArray = leaves_EN.argmax(axis=0)
    return rows_N
