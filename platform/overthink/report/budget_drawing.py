"""Thin renderers of `budget_figures`. Percent on paper, fractions in the records; bounds are dashed."""

import plotly.graph_objects as go

from overthink.report.budget_figures import BudgetCurves
from overthink.report.drawing import ACCENT, GREY, INK, MILLION, SECOND, empty_figure, exit_colours, exit_names, percent


def draw_budget_curves(info: BudgetCurves) -> go.Figure:
    """Draw accuracy against MUL-ADDs: budgeted batch, anytime prediction, and the bounds (thesis figure 3.7)."""
    figure = empty_figure("MUL-ADDs a sample (millions)", "accuracy on test data (%)")
    figure.update_layout(legend_itemwidth=44)
    _add_bounds(figure, info)
    _add_band(figure, info)
    figure.add_scatter(
        x=_millions(info.cost_P),
        y=percent(info.accuracy_P),
        name="budgeted batch (Algorithm 1)",
        mode="lines",
        line={"color": SECOND, "width": 3},
        hovertemplate="%{y:.1f}% right for %{x:.2f} M MUL-ADDs a sample<extra></extra>",
    )
    figure.add_scatter(
        x=_millions(info.cost_E),
        y=percent(info.accuracy_E),
        name="anytime prediction",
        mode="lines+markers",
        line={"color": INK, "width": 1.5},
        marker={"color": exit_colours(len(info.cost_E)), "size": 10, "line": {"color": INK, "width": 1}},
        text=exit_names(len(info.cost_E)),
        hovertemplate="%{text}: %{y:.1f}% right for %{x:.2f} M MUL-ADDs<extra></extra>",
    )
    return figure


def _add_bounds(figure: go.Figure, info: BudgetCurves) -> None:
    figure.add_scatter(
        x=_millions(info.bound_cost_B),
        y=percent(info.bound_accuracy_B),
        name="best choice of exits",
        mode="lines",
        line={"color": GREY, "width": 1.8, "dash": "dash"},
        hovertemplate="at best %{y:.1f}% for %{x:.2f} M MUL-ADDs a sample<extra></extra>",
    )
    for name, point, symbol in (
        ("oracle", info.oracle, "star"),
        ("realistic upper bound", info.upper_bound, "diamond"),
    ):
        figure.add_scatter(
            x=[point.mean_cost / MILLION],
            y=[100 * point.accuracy],
            name=name,
            mode="markers",
            marker={"color": ACCENT, "size": 13, "symbol": symbol},
            hovertemplate=name + ": %{y:.1f}% right for %{x:.2f} M MUL-ADDs a sample<extra></extra>",
        )


def _add_band(figure: go.Figure, info: BudgetCurves) -> None:
    if info.deviation_P is None:
        return
    pairs = list(zip(info.accuracy_P, info.deviation_P, strict=True))
    upper, lower = [mean + spread for mean, spread in pairs], [mean - spread for mean, spread in pairs]
    cost = _millions(info.cost_P)
    figure.add_scatter(
        x=[*cost, *reversed(cost)],
        y=percent([*upper, *reversed(lower)]),
        fill="toself",
        fillcolor="rgba(224, 164, 88, 0.25)",
        line={"width": 0},
        name="± one deviation over seeds",
        hoverinfo="skip",
    )


def draw_exits_taken(info: BudgetCurves) -> go.Figure:
    """Draw where samples leave as the budget grows."""
    figure = empty_figure("MUL-ADDs a sample (millions)", "test samples that leave at an exit (%)")
    names, colours = exit_names(len(info.cost_E)), exit_colours(len(info.cost_E))
    for row, (name, colour) in enumerate(zip(names, colours, strict=True)):
        figure.add_scatter(
            x=_millions(info.cost_P),
            y=[100 * shares[row] for shares in info.taken_PE],
            name=name,
            mode="lines",
            line={"color": colour, "width": 0.5},
            fillcolor=colour,
            stackgroup="exits",
            hovertemplate=name + ": %{y:.1f}% of samples<extra></extra>",
        )
    figure.update_yaxes(range=[0, 100])
    return figure


def draw_recovered(info: BudgetCurves) -> go.Figure:
    """Draw how much of the overthinking leaving early avoids, as the budget grows."""
    figure = empty_figure("MUL-ADDs a sample (millions)", "overthought samples that leave right (%)")
    figure.add_scatter(
        x=_millions(info.cost_P),
        y=percent(info.recovered_P),
        name="budgeted batch (Algorithm 1)",
        mode="lines+markers",
        line={"color": ACCENT, "width": 2.5},
        marker={"size": 5},
        hovertemplate="%{y:.1f}% of them, for %{x:.2f} M MUL-ADDs a sample<extra></extra>",
    )
    figure.update_yaxes(range=[0, 100])
    return figure


def _millions(costs: tuple[float, ...]) -> list[float]:
    return [cost / MILLION for cost in costs]
