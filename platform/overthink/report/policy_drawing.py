"""Thin renderers of `policy_figures`. Percent on paper, fractions in the records."""

import html

import plotly.graph_objects as go

from overthink.report.budget_drawing import draw_budget_curves
from overthink.report.drawing import ACCENT, GREY, INK, MILLION, PALE, SECOND, empty_figure, percent
from overthink.report.policy_figures import Confusion, ExitTable, Routing, Yardsticks

LEVEL_COLOURS = (PALE, SECOND, ACCENT, GREY, INK)


def draw_labels(info: ExitTable) -> go.Figure:
    """Draw how many samples have each label, levels stacked (thesis figures 4.5, 4.7 and 4.9)."""
    figure = _bars(info, "samples of the test set labelled so (%)")
    figure.update_layout(barmode="stack")
    return figure


def draw_recognised(info: ExitTable) -> go.Figure:
    """Draw how often each label is recognised, level by level (thesis figures 4.6, 4.8 and 4.10)."""
    figure = _bars(info, "of them sent to the right exit (%)")
    chance = 100 / len(info.exits)
    figure.add_hline(y=chance, line={"color": GREY, "dash": "dash", "width": 1.5})
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_yaxes(range=[0, 104])
    return figure


def _bars(info: ExitTable, title: str) -> go.Figure:
    figure = empty_figure("label: the exit that a sample should leave at", title)
    for number, (level, values) in enumerate(zip(info.levels, info.value_LC, strict=True)):
        figure.add_bar(
            x=[f"exit {exit}" for exit in info.exits],
            y=percent(values),
            name=html.escape(level, quote=False),
            marker_color=LEVEL_COLOURS[number % len(LEVEL_COLOURS)],
            showlegend=info.levels != ("all",),
            hovertemplate="%{x}: %{y:.1f}%<extra></extra>",
        )
    return figure


def draw_confusion(info: Confusion) -> go.Figure:
    """Draw what is answered for each label."""
    figure = empty_figure("answer of the policy network", "label")
    names = [f"exit {exit}" for exit in info.exits]
    figure.add_heatmap(
        z=[percent(row) for row in info.share_CC],
        x=names,
        y=names,
        colorscale=[[0, "#fdf6f0"], [1, ACCENT]],
        zmin=0,
        zmax=100,
        texttemplate="%{z:.0f}",
        colorbar={"ticksuffix": "%", "thickness": 12, "outlinewidth": 0},
        hovertemplate="label %{y}, answer %{x}: %{z:.1f}% of the label's samples<extra></extra>",
        xgap=1,
        ygap=1,
    )
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(showgrid=False, autorange="reversed")
    return figure


def draw_yardsticks(info: Yardsticks) -> go.Figure:
    """Draw accuracy and balanced accuracy of the policy network and of answers that need no image."""
    figure = empty_figure("samples sent to the right exit (%)", "")
    for name, values, colour, symbol in (
        ("accuracy", info.accuracy, ACCENT, "circle"),
        ("balanced accuracy", info.balanced, INK, "diamond"),
    ):
        figure.add_scatter(
            x=percent(values),
            y=info.names,
            name=name,
            mode="markers",
            marker={"color": colour, "size": 12, "symbol": symbol},
            hovertemplate="%{y}: %{x:.1f}% " + name + "<extra></extra>",
        )
    figure.update_layout(margin_l=150)
    figure.update_xaxes(range=[0, 102])
    figure.update_yaxes(autorange="reversed")
    return figure


def draw_routing(info: Routing) -> go.Figure:
    """Draw the routed network beside the budgeted curve and the bounds."""
    figure = draw_budget_curves(info.curves)
    for name, point, symbol in (
        ("routed by the policy network", info.without_policy, "x"),
        ("its own cost included", info.with_policy, "x-open"),
    ):
        figure.add_scatter(
            x=[point.mean_cost / MILLION],
            y=[100 * point.accuracy],
            name=name,
            mode="markers",
            marker={"color": INK, "size": 13, "symbol": symbol},
            hovertemplate=name + ": %{y:.1f}% right for %{x:.2f} M MUL-ADDs a sample<extra></extra>",
        )
    return figure
