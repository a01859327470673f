"""Intervals that hold for new test samples, too, where stored predictions show what each sample contributes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from overthink.comparison.overthinking import Row
from overthink.comparison.ranges import cut, range_of
from overthink.statistics.estimate import Estimate, Over

if TYPE_CHECKING:  # numpy and pyarrow are imported where predictions are read
    from overthink.predictions.arrays import FloatArray
    from overthink.predictions.correctness import Correctness

Read = Callable[[str], "Correctness"]
"""Run id -> which exits are right on its test samples; raises ValueError where that is not stored."""
SPLIT = "test/"
ROUNDING = 1e-6
"""By which a mean over stored predictions may differ from the metric that was logged of them."""
DIFFERENT_SAMPLES = "its runs were tested on different samples"
DIFFERENT_DATA = "its runs are of different data"
OTHER_VALUE = "its stored predictions give another value than the one logged"
ONE_SAMPLE = "it was tested on a single sample"


class Crossed(NamedTuple):
    """Estimates with the intervals that could be had."""

    estimates: dict[str, Estimate]
    why_not: str
    """Why means over samples have no interval for new samples; empty where they have."""


def with_intervals(rows: Sequence[Row], over: Over, read: Read) -> list[Row]:
    """Return rows whose means over samples have intervals over samples, or over seeds and samples, as asked for.

    Each row reads the predictions of its runs once. Where they cannot be had, or its runs were not tested on the same
    samples, a row keeps its intervals over seeds and says why. A row of one run has intervals over samples alone.
    """
    if over == "seeds":
        return list(rows)
    found = [_crossed(row, over, read) for row in rows]
    groups = [one for row in found for one in row.groups or (row,)]
    main = main_interval(estimate for one in groups for estimate in one.estimates.values())
    return [
        replace(row, interval=main, groups=tuple(replace(one, interval=main) for one in row.groups)) for row in found
    ]


def main_interval(estimates: Iterable[Estimate]) -> Over:
    """Return what the intervals of a table hold for where nothing else is said: the most of what any holds for."""
    kinds = {estimate.interval for estimate in estimates}
    kinds_in_order: tuple[Over, ...] = ("both", "samples", "seeds")
    return next((kind for kind in kinds_in_order if kind in kinds), "seeds")


def _crossed(row: Row, over: Over, read: Read) -> Row:
    if row.groups:
        return replace(row, groups=tuple(_crossed(one, over, read) for one in row.groups))
    if len(row.data) > 1:
        return replace(row, no_new_samples=DIFFERENT_DATA)
    estimates, why_not = crossed_estimates(row.estimates, row.run_ids, over, read)
    return replace(row, estimates=estimates, no_new_samples=why_not)


def crossed_estimates(estimates: Mapping[str, Estimate], run_ids: Sequence[str], over: Over, read: Read) -> Crossed:
    """Return the estimates of metrics of these runs, means over samples with intervals from stored predictions."""
    of_all = [metric for metric, found in estimates.items() if metric.startswith(SPLIT) and found.n == len(run_ids) > 0]
    if over == "seeds" or not of_all:
        return Crossed(dict(estimates), "")
    try:
        tables = _tables(of_all, run_ids, read)
    except ValueError as error:
        return Crossed(dict(estimates), str(error))
    if any(abs(float(values_RN.mean()) - estimates[metric].mean) > ROUNDING for metric, values_RN in tables.items()):
        return Crossed(dict(estimates), OTHER_VALUE)
    crossed = {metric: _with(metric, estimates[metric], values_RN, over) for metric, values_RN in tables.items()}
    return Crossed({**estimates, **crossed}, "")


def _with(metric: str, estimate: Estimate, values_RN: "FloatArray", over: Over) -> Estimate:
    from overthink.statistics.crossed import crossed_mean

    possible: Over = over if len(values_RN) > 1 else "samples"
    allowed = range_of(metric)
    _, low, high = crossed_mean(values_RN, possible, least=-1.0 if allowed[0] is None or allowed[0] < 0 else 0.0)
    if low is None or high is None:
        return estimate._replace(low=None, high=None, interval=None)
    return estimate._replace(low=cut(low, allowed), high=cut(high, allowed), interval=possible)


def _tables(metrics: Sequence[str], run_ids: Sequence[str], read: Read) -> dict[str, "FloatArray"]:
    """Return (R, N), what each sample contributes, for each metric that is a mean over samples.

    Raises ValueError with why there is none.
    """
    first = read(run_ids[0])  # before numpy is imported: where there are no predictions, it is not needed
    if len(first.ids_N) < 2:
        raise ValueError(ONE_SAMPLE)
    import numpy as np

    from overthink.metrics.per_sample import contribution

    known = {metric: contribution(metric.removeprefix(SPLIT)) for metric in metrics}
    contributions = {metric: found for metric, found in known.items() if found is not None}
    values: dict[str, list[FloatArray]] = {metric: [] for metric in contributions}
    for run_id in run_ids if contributions else ():
        one = first if run_id == run_ids[0] else read(run_id)
        if not one.is_of_same_samples(first):
            raise ValueError(DIFFERENT_SAMPLES)
        for metric, contributes in contributions.items():
            values[metric].append(np.asarray(contributes(one.correct_EN), dtype=np.float64))
    return {metric: np.stack(of_runs) for metric, of_runs in values.items()}
