"""The one place where intervals are cut to what a metric can be: a rate is never below 0 or above 1.

Statistics know no metrics, and what shows or stores an interval finds it cut: tables, JSON, CSV, frames, pages.
"""

from collections.abc import Sequence

from overthink.statistics.estimate import Estimate, estimate
from overthink.store import tags

Range = tuple[float | None, float | None]
"""Lowest and highest possible value; None where there is none."""
SPLITS = ("val", "test")


def range_of(metric: str) -> Range:
    """Return the range of a run's metric, such as `test/accuracy/last`; (None, None) for one of no catalogue."""
    split, _, name = metric.partition("/")
    if split not in SPLITS:
        return None, None
    if name in tags.RATES:  # importing the catalogue for these would cost `overthink compare` a tenth of a second
        return 0, 1
    from overthink.policy.catalogue import describe

    try:
        return describe(name).range
    except ValueError:
        return None, None


def is_rate(metric: str) -> bool:
    """Tell whether a metric is a fraction from 0 to 1."""
    return range_of(metric) == (0, 1)


def range_of_difference(metric: str) -> Range:
    """Return the range of a difference of two values: -1 to 1 for rates."""
    low, high = range_of(metric)
    return (None, None) if low is None or high is None else (low - high, high - low)


def cut(end: float, allowed: Range) -> float:
    """Return the end of an interval, or the nearest value that is possible."""
    low, high = allowed
    end = end if low is None else max(end, float(low))
    return end if high is None else min(end, float(high))


def metric_estimate(metric: str, values: Sequence[float]) -> Estimate:
    """Return the estimate of a metric over seeds, its interval cut to the metric's range."""
    found = estimate(values)
    if found.low is None or found.high is None:
        return found
    allowed = range_of(metric)
    return found._replace(low=cut(found.low, allowed), high=cut(found.high, allowed))
