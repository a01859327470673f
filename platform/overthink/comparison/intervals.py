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
    from overthink.metrics.per_sample import contribution

    means = {
        metric: estimate
        for metric, estimate in estimates.items()
        if estimate.n == len(run_ids)
        and metric.startswith(SPLIT)
        and contribution(metric.removeprefix(SPLIT)) is not None
    }
    if over == "seeds" or not means:
        return Crossed(dict(estimates), "")
    try:
        tables = _tables(list(means), run_ids, read)
    except ValueError as error:
        return Crossed(dict(estimates), str(error))
    if any(abs(float(tables[metric].mean()) - estimate.mean) > ROUNDING for metric, estimate in means.items()):
        return Crossed(dict(estimates), OTHER_VALUE)
    return Crossed(
        {**estimates, **{metric: _with(metric, means[metric], tables[metric], over) for metric in means}}, ""
    )


def _with(metric: str, estimate: Estimate, values_RN: "FloatArray", over: Over) -> Estimate:
    from overthink.statistics.crossed import crossed_mean

    possible: Over = over if len(values_RN) > 1 else "samples"
    _, low, high = crossed_mean(values_RN, possible)
    assert low is not None
    assert high is not None
    allowed = range_of(metric)
    return estimate._replace(low=cut(low, allowed), high=cut(high, allowed), interval=possible)


def _tables(metrics: Sequence[str], run_ids: Sequence[str], read: Read) -> dict[str, "FloatArray"]:
    """Return (R, N) for each metric: what each sample contributes. Raises ValueError with why there is none."""
    import numpy as np

    from overthink.metrics.per_sample import contribution

    first: Correctness | None = None
    values: dict[str, list[FloatArray]] = {metric: [] for metric in metrics}
    for run_id in run_ids:
        one = read(run_id)
        first = first or one
        if not one.is_of_same_samples(first):
            raise ValueError(DIFFERENT_SAMPLES)
        if len(one.ids_N) < 2:
            raise ValueError(ONE_SAMPLE)
        for metric, of_runs in values.items():
            contributes = contribution(metric.removeprefix(SPLIT))
            assert contributes is not None
            of_runs.append(np.asarray(contributes(one.correct_EN), dtype=np.float64))
    return {metric: np.stack(of_runs) for metric, of_runs in values.items()}
