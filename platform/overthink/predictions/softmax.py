"""The softmax of an exit's logits: how sure it is, how spread, how far from another exit's.

Every function takes logits with the classes on the last axis, finite and at least two, and works in float64.
"""

import numpy as np

from overthink.predictions.arrays import FloatArray, LogitArray

Logits = LogitArray | FloatArray

LARGEST_RATIO = 1e100
"""Where `top2_ratio` is cut off: finite when squared, and reached only by a gap of 230 between two logits."""


def log_softmax(logits: Logits) -> FloatArray:
    """Return the logarithm (nats) of the softmax over the last axis; same shape."""
    shifted: FloatArray = np.asarray(logits, dtype=np.float64) - logits.max(axis=-1, keepdims=True)
    log_of_sum: FloatArray = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return np.subtract(shifted, log_of_sum)


def softmax(logits: Logits) -> FloatArray:
    """Return exp(z_c) / sum_j exp(z_j) over the last axis; same shape, fractions."""
    return np.exp(log_softmax(logits))


def max_softmax(logits: Logits) -> FloatArray:
    """Return the largest softmax value, a fraction in [1/C, 1] (thesis eq. 3.7); shape without classes."""
    largest: FloatArray = log_softmax(logits).max(axis=-1)
    return np.exp(largest)


def entropy(logits: Logits) -> FloatArray:
    """Return the entropy -sum_c p_c log p_c of the softmax, nats in [0, log C]; shape without classes.

    Low where the exit is sure. Thesis eq. 3.8 prints the sum without its minus sign; its prose calls entropy
    high where the exit is sure: true of the printed sum, the wrong way round for entropy.
    """
    surprise = -log_softmax(logits)
    mean_surprise: FloatArray = (np.exp(-surprise) * surprise).sum(axis=-1)
    return mean_surprise


def top2_ratio(logits: Logits) -> FloatArray:
    """Return the highest over the second highest softmax value (thesis section 3.2.3), in [1, LARGEST_RATIO].

    The ratio is exp(gap of the two logits), which no underflow of the second value can make infinite; a huge
    gap still could, so it is cut off at LARGEST_RATIO, a bound of ours, and no infinity reaches a store.
    """
    top_two = np.partition(np.asarray(logits, dtype=np.float64), -2, axis=-1)[..., -2:]
    with np.errstate(over="ignore"):
        return np.minimum(np.exp(top_two[..., 1] - top_two[..., 0]), LARGEST_RATIO)


def l1_distance(logits: Logits, other_logits: Logits) -> FloatArray:
    """Return sum_c |p_c - q_c| between two softmax outputs, in [0, 2]; shape without classes."""
    distance: FloatArray = np.abs(softmax(logits) - softmax(other_logits)).sum(axis=-1)
    return np.minimum(distance, 2.0)  # rounding can lift it above its bound
