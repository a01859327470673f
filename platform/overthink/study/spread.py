"""How far models lie apart that differ only in their randomness: a deviation, and its own interval."""

from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import FloatArray
from overthink.statistics.estimate import Estimate, estimate
from overthink.statistics.jackknife import Interval, of_positive

FEWEST = 4
"""Models of which a deviation has an interval: that of three, from deviations of two, may reach any size."""


class Spread(NamedTuple):
    """A number over models: its mean (Student's t), and its standard deviation with an interval of its own."""

    mean: Estimate
    std: Interval | None
    """None for a single model."""


def spread(value_R: FloatArray) -> Spread:
    """Return mean and standard deviation (n - 1) of a number a model. Raises ValueError for no model.

    The deviation's interval is a jackknife's on the log scale. Simulated coverage of nominal 95%, 600 draws each, for
    n = 4, 8, 16, 30: 95, 96, 93, 94% for normal values, 95, 97, 96, 97% for uniform ones, 88, 84, 84, 86% for
    exponential ones. A bootstrap's percentiles reach 58, 76, 82, 87% for normal values.
    """
    values = [float(value) for value in value_R]
    mean = estimate(values)
    if mean.std is None:
        return Spread(mean, None)
    if len(values) < FEWEST:
        return Spread(mean, Interval(mean.std, None, None))
    without = [float(np.std(np.delete(value_R, left_out), ddof=1)) for left_out in range(len(values))]
    return Spread(mean, of_positive(mean.std, without))
