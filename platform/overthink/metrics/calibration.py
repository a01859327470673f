"""Is an exit as often right as it is sure? Reliability and expected calibration error (Guo et al. 2017).

All take correct_EN, bool (E, N), and confidence_EN, max-softmax, fractions (E, N).
"""

from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray

BINS = 15
"""Of equal width, as in the paper; a confidence on an edge belongs to the bin below it."""


class Reliability(NamedTuple):
    """One exit's samples, in bins of confidence; in a bin without samples the means are NaN."""

    count_B: IntArray
    confidence_B: FloatArray
    accuracy_B: FloatArray


def reliability(correct_N: BoolArray, confidence_N: FloatArray, bins: int = BINS) -> Reliability:
    """Return count, mean confidence and accuracy in each bin of one exit's confidence."""
    bin_N = np.clip(np.ceil(confidence_N * bins).astype(int) - 1, 0, bins - 1)
    count_B = np.bincount(bin_N, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence_B = np.bincount(bin_N, confidence_N, bins) / count_B
        accuracy_B = np.bincount(bin_N, correct_N.astype(np.float64), bins) / count_B
    return Reliability(count_B.astype(np.int64), confidence_B, accuracy_B)


def calibration_error(correct_EN: BoolArray, confidence_EN: FloatArray, bins: int = BINS) -> FloatArray:
    """Return the expected calibration error of each exit, (E,): |accuracy - confidence| of bins, averaged."""
    errors = []
    for correct_N, confidence_N in zip(correct_EN, confidence_EN, strict=True):
        found = reliability(correct_N, confidence_N, bins)
        gap_B = np.abs(found.accuracy_B - found.confidence_B)
        errors.append(float(np.nansum(found.count_B * gap_B) / len(correct_N)))
    return np.array(errors)
