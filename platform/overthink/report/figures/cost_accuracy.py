"""Accuracy of each exit against its cost, with what a perfect choice of exits reaches (thesis figure 3.7)."""

from collections.abc import Sequence
from itertools import cycle
from typing import NamedTuple

import plotly.graph_objects as go

from overthink.metrics.accuracy import accuracy
from overthink.predictions.absent import CostUnit
from overthink.predictions.predictions import Predictions
from overthink.report.figures.bounds import Bounds, add_bounds, bounds
from overthink.report.figures.over_runs import Ends, check_comparable, error_bars, interval_over_runs, mean_over_runs
from overthink.report.figures.style import (
    GREY,
    INK,
    cost_title,
    cost_word,
    empty_figure,
    escaped,
    exit_colours,
    exit_names,
    on_axis,
    percent,
)


class CostAccuracy(NamedTuple):
    """Accuracy of each exit, of all samples and by level; means over runs."""

    split: str
    cost_E: tuple[float, ...]
    """Costs in `unit`; numbers of exits where costs are not known."""
    accuracy_E: tuple[float, ...]
    ends_E: Ends | None
    """None for one run."""
    by_level: dict[str, tuple[float, ...]]
    """Level -> accuracy of each exit; a level without samples is left out."""
    bounds: Bounds | None
    """None where costs are not known."""
    unit: CostUnit | None = "MUL-ADDs"


def cost_accuracy(runs: Sequence[Predictions]) -> CostAccuracy:
    """Return the numbers of one run or of several seeds.

    Raises ValueError where runs differ in split, cost or levels.
    """
    check_comparable(runs)
    cost_E = runs[0].cost_E
    accuracies_RE = [accuracy(run.correct_EN) for run in runs]
    return CostAccuracy(
        split=runs[0].split,
        cost_E=tuple(map(float, range(1, runs[0].n_exits + 1) if cost_E is None else cost_E.tolist())),
        accuracy_E=mean_over_runs(accuracies_RE),
        ends_E=interval_over_runs(accuracies_RE),
        by_level={
            name: mean_over_runs([accuracy(run.correct_EN[:, run.levels_N == level]) for run in runs])
            for level, name in enumerate(runs[0].level_names)
            if all((run.levels_N == level).any() for run in runs)
        },
        bounds=None if cost_E is None else bounds(runs),
        unit=None if cost_E is None else runs[0].cost_unit,
    )


def draw_cost_accuracy(info: CostAccuracy) -> go.Figure:
    """Draw accuracy against costs, with the levels and the two bounds."""
    figure = empty_figure(cost_title(info.unit), f"accuracy on {info.split} data (%)")
    figure.update_layout(legend_itemwidth=44)  # long enough to tell the dashes apart
    _add_level_lines(figure, info)
    _add_exits(figure, info)
    if info.bounds is not None and info.unit is not None:
        add_bounds(figure, info.bounds, info.unit)
    if info.unit is None:
        figure.update_xaxes(dtick=1)
    return figure


def _add_level_lines(figure: go.Figure, info: CostAccuracy) -> None:
    for (name, accuracy_E), dash in zip(info.by_level.items(), cycle(("dot", "dash", "dashdot")), strict=False):
        figure.add_scatter(
            x=on_axis(info.cost_E, info.unit),
            y=percent(accuracy_E),
            name=f"{escaped(name)} samples",
            mode="lines+markers",
            line={"color": GREY, "dash": dash, "width": 1.5},
            text=exit_names(len(info.cost_E)),
            hovertemplate="%{text}: %{y:.1f}% of %{fullData.name}<extra></extra>",
        )


def _add_exits(figure: go.Figure, info: CostAccuracy) -> None:
    count, bars = len(info.cost_E), None
    texts = exit_names(count)
    if info.ends_E:
        bars = {**error_bars(info.accuracy_E, info.ends_E), "color": INK, "width": 8}
        ends = zip(texts, percent(info.ends_E.low), percent(info.ends_E.high), strict=True)
        texts = [f"{text} [{low:.1f}, {high:.1f}]" for text, low, high in ends]
    figure.add_scatter(
        x=on_axis(info.cost_E, info.unit),
        y=percent(info.accuracy_E),
        error_y=bars,
        name="exits, all samples",
        mode="lines+markers",
        line={"color": INK, "width": 2.5},
        marker={"color": exit_colours(count), "size": 11, "line": {"color": INK, "width": 1}},
        text=texts,
        hovertemplate=f"%{{text}}: %{{y:.1f}}% right {cost_word(info.unit)}<extra></extra>",
    )
