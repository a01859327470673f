"""Calibration: reliability diagrams and the expected calibration error (Guo et al. 2017).

All take correctness, bool, and confidence, max-softmax as fractions, of the same shape.
"""

from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray

BINS = 15
"""Of equal width, as in the paper; a confidence on an edge belongs to the bin below it."""


class Reliability(NamedTuple):
    """The samples of one exit in B bins of confidence; means are NaN for a bin without samples."""

    count_B: IntArray
    confidence_B: FloatArray
    """Mean confidence of the bin's samples, a fraction."""
    accuracy_B: FloatArray
    """Fraction of the bin's samples that are correct."""


def reliability(correct_N: BoolArray, confidence_N: FloatArray, bins: int = BINS) -> Reliability:
    """Return count, mean confidence and accuracy in each bin of one exit's confidence.

    >>> import numpy as np
    >>> found = reliability(np.array([True, False, True]), np.array([0.9, 0.8, 0.4]), bins=2)
    >>> found.count_B.tolist(), found.accuracy_B.tolist()
    ([1, 2], [1.0, 0.5])
    """
    bin_N = np.clip(np.ceil(confidence_N * bins).astype(int) - 1, 0, bins - 1)
    count_B = np.bincount(bin_N, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence_B = np.bincount(bin_N, confidence_N, bins) / count_B
        accuracy_B = np.bincount(bin_N, correct_N.astype(np.float64), bins) / count_B
    return Reliability(count_B.astype(np.int64), confidence_B, accuracy_B)


def calibration_error(correct_EN: BoolArray, confidence_EN: FloatArray, bins: int = BINS) -> FloatArray:
    """Return the expected calibration error of each exit, (E,), a fraction (Guo et al. 2017, eq. 3).

    ECE = sum_b (n_b / N) |accuracy_b - confidence_b|, over the bins b of the exit's confidence.

    >>> import numpy as np
    >>> calibration_error(np.array([[True, False]]), np.array([[0.75, 0.75]])).tolist()
    [0.25]
    """
    errors = []
    for correct_N, confidence_N in zip(correct_EN, confidence_EN, strict=True):
        found = reliability(correct_N, confidence_N, bins)
        gap_B = np.abs(found.accuracy_B - found.confidence_B)
        errors.append(float(np.nansum(found.count_B * gap_B) / len(correct_N)))
    return np.array(errors)
