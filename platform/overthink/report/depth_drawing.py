"""Thin renderers of `depth_figures`. Percent on paper, fractions in the records."""

import plotly.graph_objects as go

from overthink.report.depth_figures import Calibration, Kept, Ranks, WhoOverthinks
from overthink.report.drawing import ACCENT, GREY, INK, PALE, SECOND, empty_figure, exit_colours, exit_names, percent

CLASSES_SHOWN = 30


def draw_calibration(info: Calibration) -> go.Figure:
    """Draw accuracy against confidence; on the dashed line an exit is as often right as it is sure."""
    figure = empty_figure("confidence (max-softmax, %)", "accuracy (%)")
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", line={"color": PALE, "dash": "dash"}, showlegend=False, hoverinfo="skip"
    )
    colours = exit_colours(len(info.error_E))
    for name, sure_B, right_B, error, colour in zip(
        exit_names(len(colours)), info.confidence_EB, info.accuracy_EB, info.error_E, colours, strict=True
    ):
        figure.add_scatter(
            x=percent(sure_B),
            y=percent(right_B),
            name=f"{name}, ECE {100 * error:.1f}%",
            mode="lines+markers",
            line={"color": colour, "width": 2},
            hovertemplate=name + ": %{y:.1f}% right where %{x:.1f}% sure<extra></extra>",
        )
    return figure


def draw_ranks(info: Ranks) -> go.Figure:
    """Draw each sample's rank by confidence at exit 1 against that at exit 2 (thesis figure 3.10)."""
    figure = empty_figure("rank by confidence at exit 1 (%)", "rank at exit 2 (%)")
    figure.add_scatter(
        x=percent(info.first_M),
        y=percent(info.second_M),
        mode="markers",
        marker={"color": ACCENT, "size": 4, "opacity": 0.45},
        showlegend=False,
        hovertemplate="exit 1: %{x:.0f}%, exit 2: %{y:.0f}%<extra></extra>",
    )
    said = ", ".join(f"{i}-{i + 1}: {value:.2f}" for i, value in enumerate(info.correlation_P, start=1))
    figure.add_annotation(
        text=f"Spearman's rank correlation of exits {said}",
        x=0,
        y=1.06,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": 12, "color": GREY},
    )
    return figure


def draw_kept(info: Kept) -> go.Figure:
    """Draw the accuracy of later exits on what an earlier one has right."""
    figure = empty_figure("accuracy of exit", "on samples that exit ... has right")
    numbers = list(range(1, len(info.improvable_E) + 1))
    shown = [[100 * value if j > i else None for j, value in enumerate(row)] for i, row in enumerate(info.accuracy_EE)]
    figure.add_heatmap(
        z=shown,
        x=numbers,
        y=numbers,
        colorscale=[[0, "#fdf6f0"], [1, SECOND]],
        texttemplate="%{z:.1f}",
        textfont={"size": 12},
        colorbar={"ticksuffix": "%", "thickness": 12, "outlinewidth": 0},
        hovertemplate="exit %{x} has %{z:.1f}% of them right<extra></extra>",
        hoverongaps=False,
        xgap=1,
        ygap=1,
    )
    figure.update_xaxes(tickvals=numbers, showgrid=False)
    figure.update_yaxes(tickvals=numbers, showgrid=False, autorange="reversed")
    return figure


def draw_by_confidence(info: WhoOverthinks) -> go.Figure:
    """Draw overthinking by how sure exit 1 is."""
    figure = empty_figure("samples by confidence of exit 1, in tenths (10: the surest)", "% of samples of the tenth")
    for name, rates, colour in (("any later", info.any_later_T, ACCENT), ("final", info.final_T, SECOND)):
        figure.add_bar(
            x=list(range(1, len(rates) + 1)),
            y=percent(rates),
            name=f"overthinking, {name}",
            marker_color=colour,
            hovertemplate=name + ": %{y:.1f}%<extra></extra>",
        )
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(dtick=1)
    return figure


def draw_by_class(info: WhoOverthinks) -> go.Figure:
    """Draw overthinking by class, the worst first; of many classes the worst thirty."""
    figure = empty_figure("class", "% of samples of the class")
    rated = [(rate, number) for number, rate in enumerate(info.any_later_C) if rate == rate]  # noqa: PLR0124 - not NaN
    worst = sorted(rated, key=lambda pair: -pair[0])[:CLASSES_SHOWN]
    figure.add_bar(
        x=[str(number) for _, number in worst],
        y=percent([rate for rate, _ in worst]),
        marker={"color": ACCENT, "line": {"color": INK, "width": 0}},
        showlegend=False,
        hovertemplate="class %{x}: %{y:.1f}%<extra></extra>",
    )
    figure.update_xaxes(type="category")
    return figure
