"""Figures of a study. `study.findings` has the numbers, as fractions; these functions draw them."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import plotly.graph_objects as go

from overthink.predictions.arrays import FloatArray
from overthink.report.figures.style import (
    ACCENT,
    GREY,
    INK,
    PALE,
    SECOND,
    empty_figure,
    escaped,
    exit_colours,
    exit_names,
    percent,
)
from overthink.statistics.jackknife import Interval
from overthink.study.depth import by_chance
from overthink.study.findings import Findings
from overthink.study.spread import Spread

ARM_COLOURS = (INK, "#3b7ea1", ACCENT, SECOND, "#6a8d3c", "#8a5a99", GREY)


def draw_deviations(arms: Mapping[str, Findings]) -> go.Figure:
    """Draw the standard deviation of both overthinking rates over repeats for each arm.

    With its interval, unless so few repeats do not determine it.
    """
    figure = empty_figure("what varies from training to training", "standard deviation (points)")
    names = [escaped(name) for name in arms]
    for name, colour, spreads in (
        ("any later", ACCENT, [found.any_later.rate for found in arms.values()]),
        ("final", SECOND, [found.final.rate for found in arms.values()]),
        ("accuracy, last exit", GREY, [found.accuracy_E[-1] for found in arms.values()]),
    ):
        add_points(figure, name, colour, names, [_deviation(spread) for spread in spreads])
    figure.update_layout(scattermode="group", scattergap=0.6)
    figure.update_yaxes(rangemode="tozero")
    return figure


def _deviation(spread: Spread) -> Interval:
    assert spread.std is not None  # an arm has two runs or more
    return spread.std if spread.is_determined else Interval(spread.std.value, None, None)


def draw_churn(arms: Mapping[str, Findings], whole: str) -> go.Figure:
    """Draw disagreement by exit for each arm, and the error of the whole arm."""
    names = exit_names(len(arms[whole].churn_E)) if whole in arms else []
    figure = empty_figure("exit", "answers that differ (% of test samples)")
    for (name, found), colour in zip(arms.items(), cycle(ARM_COLOURS), strict=False):
        add_points(figure, escaped(name), colour, names, [one.disagreement for one in found.churn_E], "lines+markers")
    if whole in arms:
        figure.add_scatter(
            x=names,
            y=percent([one.error for one in arms[whole].churn_E]),
            name=f"error, {escaped(whole)}",
            mode="lines",
            line={"color": GREY, "dash": "dash"},
            hovertemplate="%{x}: error %{y:.1f}%<extra></extra>",
        )
    figure.update_yaxes(rangemode="tozero")
    return figure


def draw_within_and_across(found: Findings) -> go.Figure:
    """Draw P(exit i right, last wrong) within networks and across them."""
    figure = empty_figure("exit that is right", "last exit wrong (% of test samples)")
    last = len(found.accuracy_E)
    pairs = [(f"exit {i}", coupled) for (i, j), coupled in found.coupling.items() if j == last]
    if found.final_coupling is not None and len(pairs) > 1:
        pairs.append(("any of them", found.final_coupling))
    names = [name for name, _ in pairs]
    add_points(figure, "within one network", ACCENT, names, [coupled.within for _, coupled in pairs])
    add_points(figure, "across networks", INK, names, [coupled.across for _, coupled in pairs])
    figure.update_layout(scattermode="group", scattergap=0.7)
    figure.update_yaxes(rangemode="tozero")
    return figure


def draw_times_overthought(found: Findings) -> go.Figure:
    """Draw how many repeats overthink each sample, beside what equal chances for all samples would give."""
    figure = empty_figure("trainings that overthink the sample", "% of test samples")
    counts = list(range(found.repeats + 1))
    shares = percent((found.any_later.times / found.samples).tolist())
    figure.add_bar(
        x=counts, y=shares, name="observed", marker_color=ACCENT, hovertemplate="%{x} times: %{y:.2f}%<extra></extra>"
    )
    chance = percent(by_chance(found.any_later.rate.mean.value, found.repeats).tolist())
    figure.add_scatter(
        x=counts,
        y=chance,
        name="expected if all samples were alike",
        mode="lines+markers",
        line={"color": INK, "dash": "dash"},
        hovertemplate="%{x} times: %{y:.2f}% by chance<extra></extra>",
    )
    figure.update_layout(bargap=0.15)
    figure.update_xaxes(dtick=max(1, found.repeats // 10))
    return figure


def draw_prediction_depth(depth_RE: FloatArray) -> go.Figure:
    """Draw how many samples' answers stand from each exit on: mean and deviation over repeats."""
    figure = empty_figure("exit from which on the answer stays the same", "% of test samples")
    names = exit_names(depth_RE.shape[1])
    figure.add_bar(
        x=names,
        y=percent(depth_RE.mean(axis=0).tolist()),
        error_y={"array": percent(np.std(depth_RE, axis=0, ddof=1).tolist()), "color": INK},
        marker_color=exit_colours(len(names)),
        hovertemplate="%{x}: %{y:.1f}%<extra></extra>",
    )
    return figure


def add_points(
    figure: go.Figure,
    name: str,
    colour: str,
    x: Sequence[str],
    values: Sequence[Interval],
    mode: str = "markers",
    symbol: str = "circle",
    factor: float = 100,
) -> None:
    """Add numbers with their intervals, in percent, or as they are with factor 1."""
    highs = [0 if one.high is None else one.high - one.value for one in values]
    lows = [0 if one.low is None else one.value - one.low for one in values]
    above, below = ([factor * max(length, 0) for length in lengths] for lengths in (highs, lows))
    figure.add_scatter(
        x=list(x),
        y=[factor * one.value for one in values],
        error_y={"array": above, "arrayminus": below, "thickness": 1.4, "width": 4, "color": colour},
        name=name,
        mode=mode,
        marker={"color": colour, "size": 9, "symbol": symbol, "line": {"color": PALE, "width": 1}},
        line={"color": colour, "width": 1.6},
        hovertemplate=f"{name}, %{{x}}: %{{y:.2f}}<extra></extra>",
    )
