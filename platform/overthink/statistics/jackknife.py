"""Intervals over models: whatever is estimated from R repeats, estimated again without each of them.

Statistics of pairs of models are many numbers of few models: treating pairs as independent makes intervals far too
narrow. Leaving out models, never pairs, gives the right width. Percentiles of a bootstrap do not, for few models: for
the standard deviation of 8 normal values they cover the true one in 76% of all cases, these here in 95% (docs/log.md).
"""

from math import exp, inf, log, sqrt
from typing import NamedTuple

from overthink.predictions.arrays import FloatArray
from overthink.statistics.estimate import t_quantile

FEWEST = 3
"""Models without which there is no interval: what compares two cannot do without one of two."""


class Interval(NamedTuple):
    """A number and its 95% interval over models; the ends are None where there are too few."""

    value: float
    low: float | None
    high: float | None

    @property
    def holds_zero(self) -> bool:
        """Whether the interval includes 0; an unknown one counts as if it did."""
        return self.low is None or self.high is None or self.low <= 0 <= self.high

    def cut(self, most: float = inf) -> "Interval":
        """Return it without what cannot be: a share is never below 0 or above 1, a ratio never below 0."""
        return self.within(0.0, most)

    def within(self, least: float, most: float) -> "Interval":
        """Return it without what is below `least` or above `most`."""
        value, low, high = (None if end is None else min(max(end, least), most) for end in self)
        assert value is not None
        return Interval(value, low, high)


def jackknife(value: float, without_R: FloatArray | list[float]) -> Interval:
    """Return value +- t(0.975, R-1) sqrt((R-1)/R sum_r (without_r - mean)^2), without_r: all models but r."""
    n = len(without_R)
    if n < FEWEST:
        return Interval(value, None, None)
    mean = sum(without_R) / n
    half = t_quantile(n - 1) * sqrt((n - 1) / n * sum((other - mean) ** 2 for other in without_R))
    return Interval(value, value - half, value + half)


def of_positive(value: float, without_R: FloatArray | list[float]) -> Interval:
    """Return the interval of a number that is above zero, on the scale of its logarithm, where its errors are alike."""
    if value <= 0 or min(without_R) <= 0 or len(without_R) < FEWEST:
        return Interval(value, None, None)
    found = jackknife(log(value), [log(other) for other in without_R])
    assert found.low is not None
    assert found.high is not None
    return Interval(value, exp(found.low), exp(found.high))
