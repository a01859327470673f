"""Overthinking: an exit is right and a later one wrong; two definitions, both always reported, and relatives.

All take correct_EN, bool (E, N), exits in the order of their cost, at least one exit and one sample; rates
are fractions of all samples. Where there is a single exit nothing is overthought.
"""

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray


def overthought(correct_EN: BoolArray) -> BoolArray:
    """Return (N,): whether some exit is right and a later one wrong (thesis eq. 3.11, any later exit)."""
    right_so_far_EN = np.logical_or.accumulate(correct_EN, axis=0)
    return _any_exit(right_so_far_EN[:-1] & ~correct_EN[1:])


def finally_overthought(correct_EN: BoolArray) -> BoolArray:
    """Return (N,): whether the last exit is wrong and an earlier right (Kaya et al. 2019, destructive)."""
    return _any_exit(correct_EN[:-1] & ~correct_EN[-1])


def overthinking_rate(correct_EN: BoolArray) -> float:
    """Return the fraction of samples that some exit gets right and a later one wrong (thesis eq. 3.11).

    The equation leaves open which later exit counts; here any does. `final_overthinking_rate` is never more.
    """
    return float(overthought(correct_EN).mean())


def final_overthinking_rate(correct_EN: BoolArray) -> float:
    """Return the fraction of samples that the last exit gets wrong and an earlier one right.

    The destructive effect of Kaya et al. 2019, over all samples, not over the last exit's errors. The last
    exit's accuracy plus this rate is the oracle's accuracy.
    """
    return float(finally_overthought(correct_EN).mean())


def wasteful_overthinking_rate(correct_EN: BoolArray) -> float:
    """Return the fraction of samples that the last exit gets right and an earlier one already did.

    The wasteful effect of Kaya et al. 2019. The counts they print do not ask that the last exit be right: they
    are this rate plus `final_overthinking_rate`.
    """
    return float(_any_exit(correct_EN[:-1] & correct_EN[-1]).mean())


def overthinking_pairs(correct_EN: BoolArray) -> FloatArray:
    """Return (E, E): at [i, j] the fraction of samples with exit i right and the later exit j wrong.

    On and below the diagonal, where j is not later, it is 0. Pairs share samples, so they do not add up.
    """
    right_EN = correct_EN.astype(np.float64)
    pairs_EE: FloatArray = right_EN @ (1 - right_EN).T / correct_EN.shape[1]
    return np.triu(pairs_EE, k=1)


def mean_confusion(confusion_EN: FloatArray) -> float:
    """Return the mean over samples of sum_i |p_i - p_E|_1, exits i before the last (Kaya et al. 2019).

    confusion_EN is each exit's L1 distance to the last exit's softmax, (E, N); the mean lies in [0, 2(E-1)].
    Kaya et al. also standardise it over the training set; this is the plain sum.
    """
    return float(confusion_EN.sum(axis=0).mean())


def _any_exit(flags_EN: BoolArray) -> BoolArray:
    any_N: BoolArray = np.asarray(flags_EN.any(axis=0))
    return any_N
