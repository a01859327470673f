"""Paired differences between groups, seed by seed: what both share (the split, the first weights) cancels."""

from collections.abc import Collection, Container, Sequence
from dataclasses import replace
from itertools import compress

from overthink.comparison.by_name import SHORTEST_ID, without_changes
from overthink.comparison.difference import Difference, differences_of
from overthink.comparison.overthinking import Row

Pairs = dict[str, list[float]]
"""By metric: row minus baseline, a seed each."""


def with_differences(
    rows: Sequence[Row], baseline: str, metrics: Collection[str] | None = None, margin: float | None = None
) -> list[Row]:
    """Return rows of one data set each with its paired differences to a baseline: row minus baseline, in fractions.

    Of all metrics, or of some; corrected for all comparisons of the table together. Policy networks whose test labels
    are made otherwise have none. `margin` is the largest difference that counts as equal, a fraction.

    The baseline is named by its group, by its short name (the variant), each also without what `--set` changed, or by
    the ID of one of its runs; the only row of a definition also by the definition. Raises ValueError where no row, or
    more than one of a data set, has that name.
    """
    baselines = _called(rows, baseline)
    if not baselines:
        raise ValueError(f"no row is called {baseline!r}; there are {', '.join(repr(row.group) for row in rows)}")
    compared = [_compared(row, baselines, baseline, metrics) for row in rows]
    differences = _differences([pairs for _, pairs in compared], margin)
    return [replace(row, differences=found) for (row, _), found in zip(compared, differences, strict=True)]


def check_margin(margin: float | None, baseline: str | None) -> None:
    """Raise ValueError for a margin, a fraction, that no difference of rates can have, or without a baseline."""
    if margin is None:
        return
    if not 0 < margin < 1:
        raise ValueError(f"margin {100 * margin:g}: expected percentage points above 0 and below 100")
    if baseline is None:
        raise ValueError(f"margin {100 * margin:g}: it is one of differences, so name the baseline, too (--against)")


def _called(rows: Sequence[Row], name: str) -> list[Row]:
    if found := [row for row in rows if name in (row.group, row.short_name)]:
        return found
    if found := [row for row in rows if name in map(without_changes, (row.group, row.short_name))]:
        return found
    if len(found := [row for row in rows if row.definition == name]) == 1:
        return found
    return [row for row in rows if len(name) >= SHORTEST_ID and any(run.startswith(name) for run in row.run_ids)]


def _compared(row: Row, baselines: Sequence[Row], name: str, metrics: Collection[str] | None) -> tuple[Row, Pairs]:
    of_dataset = [other for other in baselines if _same_data(other, row)]
    if len(of_dataset) > 1:
        raise ValueError(f"{len(of_dataset)} rows of {row.dataset} are called {name!r}; give the full name of one")
    if pooled := [other for other in of_dataset if other.groups]:
        raise ValueError(
            f"row {name!r} is of {len(pooled[0].groups)} groups, which differ in more than seeds; differences are "
            f"paired by seed, so the baseline must be one group (--by variant)"
        )
    if not of_dataset:
        return replace(row, has_no_baseline=True), {}
    if of_dataset[0] is row:
        return row, {}
    compared, pairs = _seed_by_seed(row, of_dataset[0])
    return compared, {metric: values for metric, values in pairs.items() if metrics is None or metric in metrics}


def _seed_by_seed(row: Row, baseline: Row) -> tuple[Row, Pairs]:
    """Return a row with why it has no pairs with a baseline of the same data, or which seeds are none; and pairs."""
    if any(baseline.test_labels.get(seed, made) != made for seed, made in row.test_labels.items()):
        return replace(row, has_other_labels=True), {}
    if row.groups:
        return replace(row, has_several_groups=True), {}
    others = _of_other_data(row, baseline)
    unpaired = sorted(({*row.finished} ^ {*baseline.finished}) | others)
    apart = _without_same_runs(row, baseline)
    same = tuple(seed for seed in row.finished if seed not in apart.finished)
    return replace(row, unpaired=tuple(unpaired), same_runs=same), _pairs(apart, baseline, others)


def _without_same_runs(row: Row, baseline: Row) -> Row:
    """Return a row without the runs that are the baseline's, too: a run does not differ from itself.

    All arms of a study share repeat 0; experiments may ask for the same runs.
    """
    own = [run_id not in baseline.run_ids for run_id in row.run_ids]
    return replace(
        row,
        finished=tuple(compress(row.finished, own)),
        run_ids=tuple(compress(row.run_ids, own)),
        values={metric: tuple(compress(values, own)) for metric, values in row.values.items()},
    )


def _same_data(one: Row, other: Row) -> bool:
    """Return whether two rows are of one data set; equal names may stand for samples of different sizes.

    Equal keys may stand for files with other content, and other keys for the same samples, of which one row's are
    corrupted: the digests of the data decide.
    """
    if one.data and other.data:
        return bool(one.data.keys() & other.data.keys())
    if one.dataset_key and other.dataset_key:
        return one.dataset_key == other.dataset_key
    return one.dataset == other.dataset


def _of_other_data(row: Row, baseline: Row) -> set[str]:
    """Return the seeds of which the two rows were tested on data with another content."""
    own, others = ({seed: digest for digest, seeds in one.data.items() for seed in seeds} for one in (row, baseline))
    return {seed for seed in own.keys() & others.keys() if own[seed] != others[seed]}


def compared_with(row: Row, baseline: Row) -> Row:
    """Return a row with its paired differences to one baseline, corrected for the number of metrics; or why not."""
    if not _same_data(row, baseline):
        return replace(row, has_no_baseline=True)
    compared, pairs = _seed_by_seed(row, baseline)
    return replace(compared, differences=_differences([pairs])[0])


def _pairs(row: Row, baseline: Row, left_out: Container[str]) -> Pairs:
    pairs = {}
    for metric in (metric for metric in row.values if metric in baseline.values):
        of_seed = dict(zip(baseline.finished, baseline.values[metric], strict=True))
        values = [
            value - of_seed[seed]
            for seed, value in zip(row.finished, row.values[metric], strict=True)
            if seed in of_seed and seed not in left_out
        ]
        if values:
            pairs[metric] = values
    return pairs


def _differences(table: Sequence[Pairs], margin: float | None = None) -> list[dict[str, Difference]]:
    places = [(number, metric) for number, pairs in enumerate(table) for metric in pairs]
    found = differences_of([metric for _, metric in places], [table[at][metric] for at, metric in places], margin)
    differences: list[dict[str, Difference]] = [{} for _ in table]
    for (number, metric), difference in zip(places, found, strict=True):
        differences[number][metric] = difference
    return differences
