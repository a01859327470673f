"""Differences between groups, seed by seed: what both share (the split, the first weights) falls out of them."""

from collections.abc import Sequence
from dataclasses import replace

from overthink.comparison.estimate import Estimate, estimate
from overthink.comparison.overthinking import Row


def with_differences(rows: Sequence[Row], baseline: str) -> list[Row]:
    """Return rows of one data set each with its paired differences to a baseline: row minus baseline, in fractions.

    The baseline is named by its group, or by the last word of that after a colon (the variant). Raises ValueError where
    no row, or more than one of a data set, has that name.
    """
    if not any(_is(row, baseline) for row in rows):
        raise ValueError(f"no row is called {baseline!r}; there are {', '.join(repr(row.group) for row in rows)}")
    return [_compared(row, [other for other in rows if _is(other, baseline)], baseline) for row in rows]


def _is(row: Row, name: str) -> bool:
    return name in (row.group, row.group.rpartition(": ")[2])


def _compared(row: Row, baselines: Sequence[Row], name: str) -> Row:
    of_dataset = [other for other in baselines if other.dataset == row.dataset]
    if len(of_dataset) > 1:
        raise ValueError(f"{len(of_dataset)} rows of {row.dataset} are called {name!r}; give the whole name of one")
    if not of_dataset or of_dataset[0] is row:
        return row
    return replace(row, differences=paired(row, of_dataset[0]))


def paired(row: Row, baseline: Row) -> dict[str, Estimate]:
    """Return mean, deviation and 95% interval of row minus baseline over the seeds that both have, by metric."""
    differences = {}
    for metric in row.values.keys() & baseline.values.keys():
        of_seed = dict(zip(baseline.finished, baseline.values[metric], strict=True))
        values = [
            value - of_seed[seed]
            for seed, value in zip(row.finished, row.values[metric], strict=True)
            if seed in of_seed
        ]
        if values:
            differences[metric] = estimate(values)
    return differences
