"""The variance of overthinking, split into a per-sample and a per-training part.

A one-way random-effects analysis of variance: samples are the groups, models the repeats within each. What a sample
shows on average over trainings is the per-sample part; what changes from training to training is the other.
"""

from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.statistics.jackknife import Interval, over_models


class Decomposition(NamedTuple):
    """Of an indicator (0 or 1) for R models and N samples."""

    between_samples: float
    """Variance that belongs to samples, with what few repeats would add to it taken off; may fall below 0."""
    within_samples: Interval
    """Variance from training to training, mean over samples."""
    sample_share: Interval | None
    """between / (between + within): the intraclass correlation ICC(1). 1 minus it is the per-training share.

    None where no model overthinks anything: then nothing varies.
    """


def decomposition(indicator_RN: BoolArray) -> Decomposition:
    """Return the split; its interval is over models, for these samples. Raises ValueError for one model or sample."""
    repeats, n = indicator_RN.shape
    if repeats < 2 or n < 2:
        raise ValueError(f"variance cannot be split with {repeats} models and {n} samples")
    values_RN = indicator_RN.astype(np.float64)
    between, _ = _components(values_RN)
    within = over_models(lambda models: _components(values_RN[models])[1], repeats)
    share = over_models(lambda models: _share(values_RN[models]), repeats) if indicator_RN.any() else None
    return Decomposition(between, within, share)


def _components(values_RN: FloatArray) -> tuple[float, float]:
    """Return (MSB - MSW) / R and MSW, the mean squares between and within samples."""
    within = float(values_RN.var(axis=0, ddof=1).mean())
    between = float(values_RN.mean(axis=0).var(ddof=1)) - within / len(values_RN)
    return between, within


def _share(values_RN: FloatArray) -> float:
    between, within = _components(values_RN)
    total = between + within
    return between / total if total > 0 else 0.0
