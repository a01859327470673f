"""What a later exit does with what an earlier one knew. All take correct_EN, bool (E, N); rates are fractions."""

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray


def kept_right(correct_EN: BoolArray) -> FloatArray:
    """Return (E, E): at [i, j] the accuracy of exit j on the samples that exit i gets right.

    1 on the diagonal; NaN in the row of an exit that gets nothing right. One minus it, for j > i, is the share of exit
    i's right answers that exit j overthinks away.
    """
    right_EN = correct_EN.astype(np.float64)
    with np.errstate(invalid="ignore"):
        kept_EE: FloatArray = right_EN @ right_EN.T / right_EN.sum(axis=1, keepdims=True)
    return kept_EE


def hindsight_improvability(correct_EN: BoolArray) -> FloatArray:
    """Return, for each exit, the share of its errors that some earlier exit had right, (E,); 0 where it makes none.

    Kaur et al. 2023 and Jazbec et al. 2023 call it so; of exit 1 it is 0.
    """
    known_before_EN = np.vstack([np.zeros_like(correct_EN[:1]), np.logical_or.accumulate(correct_EN, axis=0)[:-1]])
    wrong_E = (~correct_EN).sum(axis=1)
    improvable_E = (~correct_EN & known_before_EN).sum(axis=1)
    share_E: FloatArray = improvable_E / np.maximum(wrong_E, 1)
    return share_E


def rate_by_group(flags_N: BoolArray, group_N: IntArray, n_groups: int) -> FloatArray:
    """Return the share of flagged samples in each group, (G,); NaN for a group without samples.

    With `overthought` as flags and labels, levels or deciles of confidence as groups: who overthinks.
    """
    count_G = np.bincount(group_N, minlength=n_groups)
    with np.errstate(invalid="ignore"):
        rate_G: FloatArray = np.bincount(group_N, flags_N.astype(np.float64), n_groups) / count_G
    return rate_G


def confidence_tenths(confidence_N: FloatArray) -> IntArray:
    """Return the tenth, 0 to 9, that each sample's confidence falls into by rank; ties stay in the order of samples."""
    rank_N = np.empty(len(confidence_N), dtype=np.int64)
    rank_N[np.argsort(confidence_N, kind="stable")] = np.arange(len(confidence_N))
    tenth_N: IntArray = rank_N * 10 // max(len(confidence_N), 1)
    return tenth_N
