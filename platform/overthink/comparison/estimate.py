"""A number over seeds: mean, standard deviation, and an interval for the mean."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

LEVEL = 0.95


class Estimate(NamedTuple):
    """What n runs with different seeds say about a quantity, in the quantity's own unit."""

    n: int
    mean: float
    std: float | None
    """Sample standard deviation (n - 1); None for a single run."""
    low: float | None
    high: float | None
    """Ends of the 95% interval for the mean over seeds (Student's t, n - 1 degrees of freedom); None for one run."""


def estimate(values: Sequence[float]) -> Estimate:
    """Return mean, deviation and 95% interval: mean +- t(0.975, n-1) * std / sqrt(n).

    The interval speaks of other seeds on the same test samples; it does not cover the choice of those samples.
    Raises ValueError for no values.
    """
    if not values:
        raise ValueError("an estimate needs at least one value")
    sample = np.asarray(values, dtype=np.float64)
    mean = float(sample.mean())
    if len(sample) == 1:
        return Estimate(1, mean, None, None, None)
    std = float(sample.std(ddof=1))
    half = float(stdtrit(len(sample) - 1, (1 + LEVEL) / 2)) * std / len(sample) ** 0.5
    return Estimate(len(sample), mean, std, mean - half, mean + half)
