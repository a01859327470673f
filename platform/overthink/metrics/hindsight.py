"""Hindsight: how later exits classify the samples that earlier exits classify correctly.

Where a function takes correct_EN, it is bool (E, N); rates are fractions.
"""

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray


def kept_right(correct_EN: BoolArray) -> FloatArray:
    """Return (E, E): at [i, j] the accuracy of exit j on the samples that exit i classifies correctly.

    1 on the diagonal; NaN in the row of an exit that is never correct. For j > i, 1 minus this value is the fraction of
    exit i's correct samples that exit j overthinks.

    >>> import numpy as np
    >>> kept_right(np.array([[True, True, False], [True, False, False]])).tolist()
    [[1.0, 0.5], [1.0, 1.0]]
    """
    right_EN = correct_EN.astype(np.float64)
    with np.errstate(invalid="ignore"):
        kept_EE: FloatArray = right_EN @ right_EN.T / right_EN.sum(axis=1, keepdims=True)
    return kept_EE


def hindsight_improvability(correct_EN: BoolArray) -> FloatArray:
    """Return, for each exit, the fraction of its errors that an earlier exit classifies correctly, (E,).

    0 for an exit without errors, and for exit 1 (Wołczyk et al. 2021, Jazbec et al. 2023).

    >>> import numpy as np
    >>> hindsight_improvability(np.array([[True, False, False], [False, False, True]])).tolist()
    [0.0, 0.5]
    """
    right_before_EN = np.vstack([np.zeros_like(correct_EN[:1]), np.logical_or.accumulate(correct_EN, axis=0)[:-1]])
    wrong_E = (~correct_EN).sum(axis=1)
    improvable_E = (~correct_EN & right_before_EN).sum(axis=1)
    share_E: FloatArray = improvable_E / np.maximum(wrong_E, 1)
    return share_E


def rate_by_group(flags_N: BoolArray, group_N: IntArray, n_groups: int) -> FloatArray:
    """Return the fraction of flagged samples in each group, (G,); NaN for a group without samples.

    For example the overthinking rate by class: `overthought(correct_EN)` as flags, labels as groups.

    >>> import numpy as np
    >>> rate_by_group(np.array([True, False, True]), np.array([0, 0, 1]), 2).tolist()
    [0.5, 1.0]
    """
    count_G = np.bincount(group_N, minlength=n_groups)
    with np.errstate(invalid="ignore"):
        rate_G: FloatArray = np.bincount(group_N, flags_N.astype(np.float64), n_groups) / count_G
    return rate_G


def confidence_tenths(confidence_N: FloatArray) -> IntArray:
    """Return the tenth of the samples, by rank of confidence, that each sample is in: 0 (lowest) to 9.

    Equal confidences are ranked in the order of the samples.

    >>> import numpy as np
    >>> confidence_tenths(np.array([0.9, 0.2])).tolist()
    [5, 0]
    """
    rank_N = np.empty(len(confidence_N), dtype=np.int64)
    rank_N[np.argsort(confidence_N, kind="stable")] = np.arange(len(confidence_N))
    tenth_N: IntArray = rank_N * 10 // max(len(confidence_N), 1)
    return tenth_N
