"""Paired differences between groups, seed by seed: what both share (the split, the first weights) cancels."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from overthink.comparison.overthinking import Difference, Row
from overthink.statistics.estimate import estimate
from overthink.statistics.paired_tests import effect_size, holm, sign_flip_p


def with_differences(rows: Sequence[Row], baseline: str, metrics: Collection[str] | None = None) -> list[Row]:
    """Return rows of one data set each with its paired differences to a baseline: row minus baseline, in fractions.

    Of all metrics, or of some. Policy networks whose test labels are made otherwise have none.

    The baseline is named by its group, or by its short name (the variant). Raises ValueError where
    no row, or more than one of a data set, has that name.
    """
    if not any(_is(row, baseline) for row in rows):
        raise ValueError(f"no row is called {baseline!r}; there are {', '.join(repr(row.group) for row in rows)}")
    compared = [_compared(row, [other for other in rows if _is(other, baseline)], baseline) for row in rows]
    return _corrected([_only(row, metrics) for row in compared])


def _only(row: Row, metrics: Collection[str] | None) -> Row:
    if metrics is None:
        return row
    return replace(row, differences={metric: found for metric, found in row.differences.items() if metric in metrics})


def _is(row: Row, name: str) -> bool:
    return name in (row.group, row.short_name)


def _compared(row: Row, baselines: Sequence[Row], name: str) -> Row:
    of_dataset = [other for other in baselines if _same_data(other, row)]
    if len(of_dataset) > 1:
        raise ValueError(f"{len(of_dataset)} rows of {row.dataset} are called {name!r}; give the full name of one")
    if not of_dataset:
        return replace(row, has_no_baseline=True)
    if of_dataset[0] is row:
        return row
    if any(of_dataset[0].test_labels.get(seed, made) != made for seed, made in row.test_labels.items()):
        return replace(row, has_other_labels=True)
    unpaired = sorted({*row.finished} ^ {*of_dataset[0].finished})
    return replace(row, differences=paired(row, of_dataset[0]), unpaired=tuple(unpaired))


def _same_data(one: Row, other: Row) -> bool:
    """Return whether two rows are of one data set; equal names may stand for samples of different sizes.

    Equal keys may stand for files with other content: the digests of the data decide.
    """
    if one.data and other.data and not one.data.keys() & other.data.keys():
        return False
    if one.dataset_key and other.dataset_key:
        return one.dataset_key == other.dataset_key
    return one.dataset == other.dataset


def paired(row: Row, baseline: Row) -> dict[str, Difference]:
    """Return row minus baseline over the seeds that both have, by metric, not yet corrected for many comparisons."""
    differences = {}
    for metric in row.values.keys() & baseline.values.keys():
        of_seed = dict(zip(baseline.finished, baseline.values[metric], strict=True))
        values = [
            value - of_seed[seed]
            for seed, value in zip(row.finished, row.values[metric], strict=True)
            if seed in of_seed
        ]
        if values:
            p = sign_flip_p(values)
            differences[metric] = Difference(*estimate(values)[:5], p, p, effect_size(values))
    return differences


def _corrected(rows: list[Row]) -> list[Row]:
    """Correct the p-values of a table's differences for their number."""
    places = [(number, metric) for number, row in enumerate(rows) for metric in row.differences]
    corrected = dict(zip(places, holm([rows[number].differences[metric].p for number, metric in places]), strict=True))
    return [
        replace(
            row,
            differences={
                metric: difference._replace(p_holm=corrected[number, metric])
                for metric, difference in row.differences.items()
            },
        )
        for number, row in enumerate(rows)
    ]
