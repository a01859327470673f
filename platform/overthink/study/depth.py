"""How deep a network must go before its answer stands, and how often each sample is overthought over repeats."""

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray


def prediction_depth(predicted_REN: IntArray) -> IntArray:
    """Return (R, N): the first exit, from 1, from which on every exit answers as the last one does.

    Baldock et al. 2021 define it by nearest neighbours on hidden layers; a multi-exit network has exits to ask.
    """
    as_last_REN = predicted_REN == predicted_REN[:, -1:]
    from_here_on_REN = np.logical_and.accumulate(as_last_REN[:, ::-1], axis=1)
    depth_RN: IntArray = predicted_REN.shape[1] - from_here_on_REN.sum(axis=1) + 1
    return depth_RN


def distribution(depth_RN: IntArray, n_exits: int) -> FloatArray:
    """Return (R, E): the share of each model's samples whose depth is 1, 2, ..., E."""
    return np.stack([np.bincount(depth_N - 1, minlength=n_exits) / depth_N.size for depth_N in depth_RN])


def times(indicator_RN: BoolArray) -> IntArray:
    """Return (R + 1,): how many samples 0, 1, ..., R models overthink."""
    return np.bincount(indicator_RN.sum(axis=0), minlength=len(indicator_RN) + 1)


def by_chance(rate: float, repeats: int) -> FloatArray:
    """Return (R + 1,): the shares that `times` would show if every sample were overthought alike: binomial."""
    from scipy.stats import binom

    share: FloatArray = binom.pmf(np.arange(repeats + 1), repeats, rate)
    return share
