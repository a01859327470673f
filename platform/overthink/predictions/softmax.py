"""Functions of the softmax of an exit's logits: its maximum, entropy, top-2 ratio, and distance to another exit's.

Every function takes logits with the classes on the last axis, finite and at least two, and works in float64.
"""

import numpy as np

from overthink.predictions.arrays import FloatArray, LogitArray

Logits = LogitArray | FloatArray

LARGEST_RATIO = 1e100
"""Upper limit of `top2_ratio`: finite when squared, and reached only if two logits differ by 230."""


def log_softmax(logits: Logits) -> FloatArray:
    """Return the logarithm (nats) of the softmax over the last axis; same shape."""
    shifted: FloatArray = np.asarray(logits, dtype=np.float64) - logits.max(axis=-1, keepdims=True)
    log_of_sum: FloatArray = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return np.subtract(shifted, log_of_sum)


def softmax(logits: Logits) -> FloatArray:
    """Return exp(z_c) / sum_j exp(z_j) over the last axis; same shape, fractions.

    >>> softmax(np.log(np.array([1.0, 3.0]))).round(6).tolist()
    [0.25, 0.75]
    """
    return np.exp(log_softmax(logits))


def max_softmax(logits: Logits) -> FloatArray:
    """Return the largest softmax value, a fraction in [1/C, 1] (thesis eq. 3.7); shape without classes.

    >>> round(float(max_softmax(np.log(np.array([1.0, 3.0])))), 6)
    0.75
    """
    largest: FloatArray = log_softmax(logits).max(axis=-1)
    return np.exp(largest)


def entropy(logits: Logits) -> FloatArray:
    """Return the entropy -sum_c p_c log p_c of the softmax, nats in [0, log C]; shape without classes.

    Low for a confident exit. Thesis eq. 3.8 omits the minus sign, and the text calls entropy high for a confident exit:
    true of the printed sum, but not of entropy.

    >>> round(float(entropy(np.zeros(4))), 6)  # log 4
    1.386294
    """
    surprise = -log_softmax(logits)
    mean_surprise: FloatArray = (np.exp(-surprise) * surprise).sum(axis=-1)
    return mean_surprise


def top2_ratio(logits: Logits) -> FloatArray:
    """Return the highest over the second highest softmax value (thesis section 3.2.3), in [1, LARGEST_RATIO].

    Computed as exp(difference of the two logits), so that underflow of the second value does not make it infinite, and
    limited to LARGEST_RATIO (our bound), so that stored values are finite.

    >>> round(float(top2_ratio(np.log(np.array([1.0, 3.0, 6.0])))), 6)
    2.0
    """
    top_two = np.partition(np.asarray(logits, dtype=np.float64), -2, axis=-1)[..., -2:]
    with np.errstate(over="ignore"):
        return np.minimum(np.exp(top_two[..., 1] - top_two[..., 0]), LARGEST_RATIO)


def l1_distance(logits: Logits, other_logits: Logits) -> FloatArray:
    """Return sum_c |p_c - q_c| between two softmax outputs, in [0, 2]; shape without classes.

    >>> round(float(l1_distance(np.log(np.array([1.0, 3.0])), np.log(np.array([3.0, 1.0])))), 6)
    1.0
    """
    distance: FloatArray = np.abs(softmax(logits) - softmax(other_logits)).sum(axis=-1)
    return np.minimum(distance, 2.0)  # rounding can exceed the bound
