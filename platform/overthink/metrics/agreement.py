"""Agreement of exits in their ranking of samples by confidence (thesis figure 3.10)."""

import numpy as np

from overthink.predictions.arrays import FloatArray


def confidence_ranks(confidence_EN: FloatArray) -> FloatArray:
    """Return each sample's rank by confidence at each exit, (E, N), from 0 (lowest) to 1; ties share their mean rank.

    Raises ValueError for fewer than two samples.

    >>> import numpy as np
    >>> confidence_ranks(np.array([[0.9, 0.6, 0.7], [0.5, 0.5, 0.8]])).tolist()
    [[1.0, 0.0, 0.5], [0.25, 0.25, 1.0]]
    """
    from scipy.stats import rankdata

    if confidence_EN.shape[1] < 2:
        raise ValueError(f"ranks need at least two samples, got {confidence_EN.shape[1]}")
    ranks_EN: FloatArray = (rankdata(confidence_EN, axis=1) - 1) / (confidence_EN.shape[1] - 1)
    return ranks_EN


def rank_correlation(confidence_EN: FloatArray) -> FloatArray:
    """Return Spearman's rank correlation of the confidences of each pair of exits, (E, E).

    NaN for an exit with the same confidence for every sample. Raises ValueError for fewer than two samples.

    >>> import numpy as np
    >>> rank_correlation(np.array([[0.5, 0.6, 0.9], [0.9, 0.8, 0.5]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation_EE: FloatArray = np.atleast_2d(np.corrcoef(confidence_ranks(confidence_EN)))
    return correlation_EE
