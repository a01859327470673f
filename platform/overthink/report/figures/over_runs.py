"""Means and standard deviations over runs, as the plain tuples that figures show. R: runs."""

from collections.abc import Sequence

import numpy as np

from overthink.predictions.arrays import FloatArray
from overthink.predictions.predictions import Predictions

Rows = tuple[tuple[float, ...], ...]


def mean_over_runs(values_RX: Sequence[FloatArray] | FloatArray) -> tuple[float, ...]:
    """Return the mean of each place over runs."""
    return tuple(np.mean(values_RX, axis=0).tolist())


def std_over_runs(values_RX: Sequence[FloatArray] | FloatArray) -> tuple[float, ...] | None:
    """Return the standard deviation of each place over runs; None for one run."""
    return tuple(np.std(values_RX, axis=0, ddof=1).tolist()) if len(values_RX) > 1 else None


def as_rows(values_XY: FloatArray) -> Rows:
    """Return a matrix as a tuple of rows."""
    return tuple(tuple(row) for row in values_XY.tolist())


def check_comparable(runs: Sequence[Predictions]) -> None:
    """Raise ValueError where runs differ in split, cost or levels: a mean over them would mix different things."""
    kinds = {(run.split, run.exits, run.level_names) for run in runs}
    if len(kinds) != 1:
        raise ValueError(f"runs drawn together need one split, cost and level names, got {sorted(map(str, kinds))}")
