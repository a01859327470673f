"""The overthinking table with metrics that somebody chose, and with its rows in another order."""

import re
from collections.abc import Callable, Sequence

from overthink.comparison.overthinking import Row
from overthink.comparison.ranges import is_rate, range_of
from overthink.report.averages import count_lines, fewer_lines, mean_of
from overthink.report.intervals import mark
from overthink.report.tables import TITLES, Column, Layout, caption_of, group_cell, metric_cell
from overthink.report.undetermined import plain_ends

GROUP, COUNT = "group", "n"
"""What rows can be sorted by besides metrics."""


def layout_of(metrics: Sequence[str]) -> Layout:
    """Return the layout of a table of these metrics, by their full names: `test/accuracy/exit_2`.

    Rates are in percent, and have differences to a baseline; other metrics are plain numbers.
    """
    titles = {metric: TITLES.get(metric) or metric.removeprefix("test/").replace("/", " ") for metric in metrics}
    rates = {metric: title for metric, title in titles.items() if is_rate(metric)}
    columns = [Column(titles[one], metric_cell(one) if one in rates else _number_cell(one), True) for one in metrics]
    what = "samples" if len(rates) == len(titles) else "samples for rates, plain numbers for others"
    return Layout(
        tuple(metrics),
        (Column("Group", group_cell, False), Column("n", count_lines, True), *columns),
        lambda rows: caption_of(rows, what, [], rates),
        rates,
    )


def in_order(rows: Sequence[Row], name: str) -> list[Row]:
    """Return rows sorted by a metric's mean, by `n` or by `group`; descending with a `-` before the name.

    In names, numbers count as numbers. Rows without the metric come last.
    """
    descending, name = name.startswith("-"), name.removeprefix("-")
    if name == GROUP:
        return sorted(rows, key=_natural, reverse=descending)
    if name == COUNT:
        return sorted(rows, key=lambda row: len(row.finished), reverse=descending)
    found = [(mean, row) for row in rows if (mean := mean_of(row, name)) is not None]
    without = [row for row in rows if mean_of(row, name) is None]
    return [row for _, row in sorted(found, key=lambda pair: pair[0], reverse=descending)] + without


def _natural(row: Row) -> list[tuple[float, str]]:
    parts = re.split(r"(\d+(?:\.\d+)?(?:e-?\d+)?)", row.group)
    return [(float(part), "") if place % 2 else (-1.0, part) for place, part in enumerate(parts)]


def _number_cell(metric: str) -> Callable[[Row], tuple[str, ...]]:
    def cell(row: Row) -> tuple[str, ...]:
        over = row.over_groups.get(metric)
        if over is not None:
            return f"{over.mean:.4g}", f"{over.lowest:.4g} to {over.highest:.4g}"
        found = row.estimates.get(metric)
        if found is None:
            return ("-",)
        mean = f"{found.mean:.4g}" + ("" if found.std is None else f" ± {found.std:.2g}")
        fewer = fewer_lines(row, found)
        if found.low is None or found.high is None:
            return mean, *fewer
        return mean, f"{plain_ends(found.low, found.high, '.4g', range_of(metric))}{mark(row, found)}", *fewer

    return cell
