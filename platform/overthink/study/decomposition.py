"""The variance of an indicator such as overthinking, split into a per-sample and a per-training part.

A one-way random-effects analysis of variance: samples are the groups, trainings the repeats within each. What a sample
shows on average over trainings is the per-sample part; what changes from training to training is the other. The share
of a rare event is low even where it is always the same samples that are at risk, so it is no cause: it is shown beside
the shares of plain errors, and of networks composed of exits from different trainings (`composed`).
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.statistics.crossed import crossed_jackknife, leave_out
from overthink.statistics.jackknife import Interval


class Decomposition(NamedTuple):
    """Of an indicator (0 or 1) for R trainings and N samples; intervals over new trainings and samples."""

    between_samples: float
    """Variance that belongs to samples, with what few repeats would add to it taken off; may fall below 0."""
    within_samples: Interval
    """Variance from training to training, mean over samples."""
    sample_share: Interval | None
    """between / (between + within): the intraclass correlation ICC(1). 1 minus it is the per-training share.

    None where the indicator is 0 everywhere, or 1: then nothing varies.
    """


def decomposition(indicator_RN: BoolArray) -> Decomposition:
    """Return the split. Raises ValueError for one training or sample."""
    repeats, n = indicator_RN.shape
    if repeats < 2 or n < 2:
        raise ValueError(f"variance cannot be split with {repeats} models and {n} samples")
    values_RN = indicator_RN.astype(np.float64)
    left_out = leave_out(lambda models: _moments(values_RN, models), repeats)
    components = partial(_components, n / (n - 1))
    between, _ = components(left_out.mean_K)
    within = crossed_jackknife(left_out, lambda mean_K: components(mean_K)[1])
    varies = indicator_RN.any() and not indicator_RN.all()
    share = crossed_jackknife(left_out, lambda mean_K: _share(*components(mean_K))) if varies else None
    return Decomposition(between, within, share)


def _moments(values_RN: FloatArray, models: Sequence[int]) -> FloatArray:
    """Return (4, N): mean over trainings, its square, the variance over trainings, and what that adds to the square."""
    chosen_RN = values_RN[list(models)]
    mean_N, within_N = chosen_RN.mean(axis=0), chosen_RN.var(axis=0, ddof=1)
    return np.stack([mean_N, mean_N**2, within_N, within_N / len(models)])


def _components(factor: float, mean_K: FloatArray) -> tuple[float, float]:
    """Return the variances between and within samples; the factor, n / (n - 1), makes a variance of n unbiased."""
    mean, square, within, added = mean_K
    return float(factor * (square - mean**2) - added), float(within)


def _share(between: float, within: float) -> float:
    total = between + within
    return between / total if total > 0 else float("nan")
