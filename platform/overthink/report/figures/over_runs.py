"""Means over runs and intervals of these, as the plain tuples that figures show. R: runs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from overthink.comparison.ranges import cut
from overthink.predictions.arrays import FloatArray
from overthink.predictions.predictions import Predictions
from overthink.statistics.estimate import estimate

Rows = tuple[tuple[float, ...], ...]


def mean_over_runs(values_RX: Sequence[FloatArray] | FloatArray) -> tuple[float, ...]:
    """Return the mean of each place over runs."""
    return tuple(np.mean(values_RX, axis=0).tolist())


class Ends(NamedTuple):
    """Ends of the 95% interval over seeds of a mean of rates, place by place, cut to 0 and 1."""

    low: tuple[float, ...]
    high: tuple[float, ...]


def interval_over_runs(rates_RX: Sequence[Sequence[float]] | Sequence[FloatArray]) -> Ends | None:
    """Return the ends of each place; None for one run. Where all runs are equal, both are the mean."""
    points = [estimate([float(rate) for rate in rates_R]) for rates_R in zip(*rates_RX, strict=True)]
    if len(rates_RX) == 1 or all(point.low is None for point in points):
        return None
    low = tuple(cut(point.mean if point.low is None else point.low, (0, 1)) for point in points)
    return Ends(low, tuple(cut(point.mean if point.high is None else point.high, (0, 1)) for point in points))


def error_bars(means: Sequence[float], ends: Ends) -> dict[str, Any]:
    """Return plotly's bars in percent, above and below."""
    return {
        "array": [100 * max(high - mean, 0) for mean, high in zip(means, ends.high, strict=True)],
        "arrayminus": [100 * max(mean - low, 0) for mean, low in zip(means, ends.low, strict=True)],
    }


def as_rows(values_XY: FloatArray) -> Rows:
    """Return a matrix as a tuple of rows."""
    return tuple(tuple(row) for row in values_XY.tolist())


def check_comparable(runs: Sequence[Predictions]) -> None:
    """Raise ValueError where runs differ in split, cost or levels: a mean over them would mix different things."""
    kinds = {(run.split, run.exits, run.level_names) for run in runs}
    if len(kinds) != 1:
        raise ValueError(f"runs drawn together need one split, cost and level names, got {sorted(map(str, kinds))}")
