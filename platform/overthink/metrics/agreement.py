"""Whether exits rank samples alike by confidence (thesis figure 3.10), and whether they predict alike."""

import numpy as np

from overthink.predictions.arrays import FloatArray, IntArray


def confidence_ranks(confidence_EN: FloatArray) -> FloatArray:
    """Return each sample's rank by confidence at each exit, (E, N), from 0, the least sure, to 1; ties share a mean.

    Raises ValueError for fewer than two samples: they have no order.
    """
    from scipy.stats import rankdata

    if confidence_EN.shape[1] < 2:
        raise ValueError(f"ranks need at least two samples, got {confidence_EN.shape[1]}")
    ranks_EN: FloatArray = (rankdata(confidence_EN, axis=1) - 1) / (confidence_EN.shape[1] - 1)
    return ranks_EN


def rank_correlation(confidence_EN: FloatArray) -> FloatArray:
    """Return Spearman's rank correlation of the confidences of every two exits, (E, E).

    NaN for an exit that is equally sure of every sample.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation_EE: FloatArray = np.atleast_2d(np.corrcoef(confidence_ranks(confidence_EN)))
    return correlation_EE


def disagreement(predicted_EN: IntArray) -> FloatArray:
    """Return the share of samples that every two exits predict differently, (E, E), 0 on the diagonal."""
    share_EE: FloatArray = np.array([(predicted_EN != predicted_N).mean(axis=1) for predicted_N in predicted_EN])
    return share_EE
