"""The other uncertainty: the same trained networks, on other test samples. Kept apart from that over seeds."""

from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from overthink.comparison.ranges import cut, range_of
from overthink.metrics.overthinking import finally_overthought, overthought
from overthink.predictions.arrays import BoolArray
from overthink.predictions.predictions import Predictions

NORMAL_975 = NormalDist().inv_cdf(0.975)


class OverSamples(NamedTuple):
    """A rate of networks as they are, mean over them, with its 95% interval over test samples."""

    mean: float
    low: float
    high: float


INDICATORS: dict[str, Callable[[BoolArray], BoolArray]] = {
    "test/accuracy/last": lambda correct_EN: correct_EN[-1],
    "test/overthinking/any_later": overthought,
    "test/overthinking/final": finally_overthought,
    "test/oracle/accuracy": lambda correct_EN: np.asarray(correct_EN.any(axis=0)),
}
"""By metric: what is counted, a sample each."""


def over_samples(runs: Sequence[Predictions], metric: str) -> OverSamples:
    """Return mean +- 1.96 sd_n(mean over runs) / sqrt(N): each sample counts once, for any number of networks.

    The interval is cut to the metric's range.
    """
    value_N = np.mean([INDICATORS[metric](run.correct_EN) for run in runs], axis=0)
    mean = float(value_N.mean())
    half = NORMAL_975 * float(value_N.std(ddof=1)) / len(value_N) ** 0.5 if len(value_N) > 1 else 0.0
    low, high = (cut(end, range_of(metric)) for end in (mean - half, mean + half))
    return OverSamples(mean, low, high)
