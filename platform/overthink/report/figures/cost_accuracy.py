"""Accuracy of each exit against its cost, with what a perfect choice of exits reaches (thesis figure 3.7)."""

from collections.abc import Sequence
from itertools import cycle
from typing import NamedTuple

import plotly.graph_objects as go

from overthink.metrics.accuracy import accuracy
from overthink.predictions.predictions import Predictions
from overthink.report.figures.bounds import Bounds, add_bounds, bounds
from overthink.report.figures.over_runs import check_comparable, mean_over_runs, std_over_runs
from overthink.report.figures.style import (
    GREY,
    INK,
    empty_figure,
    escaped,
    exit_colours,
    exit_names,
    millions,
    percent,
)


class CostAccuracy(NamedTuple):
    """Accuracy of each exit, of all samples and by level; means over runs."""

    split: str
    cost_E: tuple[float, ...]
    """MUL-ADDs."""
    accuracy_E: tuple[float, ...]
    deviation_E: tuple[float, ...] | None
    """Standard deviation over runs; None for one run."""
    by_level: dict[str, tuple[float, ...]]
    """Level -> accuracy of each exit; a level without samples is left out."""
    bounds: Bounds


def cost_accuracy(runs: Sequence[Predictions]) -> CostAccuracy:
    """Return the numbers of one run or of several seeds.

    Raises ValueError where runs differ in split, cost or levels.
    """
    check_comparable(runs)
    accuracies_RE = [accuracy(run.correct_EN) for run in runs]
    return CostAccuracy(
        split=runs[0].split,
        cost_E=tuple(float(cost) for cost in runs[0].cost_E),
        accuracy_E=mean_over_runs(accuracies_RE),
        deviation_E=std_over_runs(accuracies_RE),
        by_level={
            name: mean_over_runs([accuracy(run.correct_EN[:, run.levels_N == level]) for run in runs])
            for level, name in enumerate(runs[0].level_names)
            if all((run.levels_N == level).any() for run in runs)
        },
        bounds=bounds(runs),
    )


def draw_cost_accuracy(info: CostAccuracy) -> go.Figure:
    """Draw accuracy against MUL-ADDs, with the levels and the two bounds."""
    figure = empty_figure("MUL-ADDs (millions)", f"accuracy on {info.split} data (%)")
    figure.update_layout(legend_itemwidth=44)  # long enough to tell the dashes apart
    _add_level_lines(figure, info)
    _add_exits(figure, info)
    add_bounds(figure, info.bounds)
    return figure


def _add_level_lines(figure: go.Figure, info: CostAccuracy) -> None:
    for (name, accuracy_E), dash in zip(info.by_level.items(), cycle(("dot", "dash", "dashdot")), strict=False):
        figure.add_scatter(
            x=millions(info.cost_E),
            y=percent(accuracy_E),
            name=f"{escaped(name)} samples",
            mode="lines+markers",
            line={"color": GREY, "dash": dash, "width": 1.5},
            text=exit_names(len(info.cost_E)),
            hovertemplate="%{text}: %{y:.1f}% of %{fullData.name}<extra></extra>",
        )


def _add_exits(figure: go.Figure, info: CostAccuracy) -> None:
    count, deviation_E = len(info.cost_E), info.deviation_E
    texts = exit_names(count)
    if deviation_E:
        texts = [f"{text} (± {100 * deviation:.1f})" for text, deviation in zip(texts, deviation_E, strict=True)]
    figure.add_scatter(
        x=millions(info.cost_E),
        y=percent(info.accuracy_E),
        error_y={"array": percent(deviation_E), "color": INK, "width": 8} if deviation_E else None,
        name="exits, all samples",
        mode="lines+markers",
        line={"color": INK, "width": 2.5},
        marker={"color": exit_colours(count), "size": 11, "line": {"color": INK, "width": 1}},
        text=texts,
        hovertemplate="%{text}: %{y:.1f}% right for %{x:.2f} M MUL-ADDs<extra></extra>",
    )
