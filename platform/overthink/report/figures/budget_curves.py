"""Early exits under a budget: accuracy, exits taken and overthinking avoided as the budget grows.

A run is a pair of predictions, validation and test. Thresholds are chosen on the first and applied to the second; over
several seeds each number is a mean over runs at the same exit distribution.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from overthink.inference.budget_oracle import budget_oracle
from overthink.inference.budgeted import budgeted_batch, lookup_table, shares_taken
from overthink.metrics.accuracy import accuracy
from overthink.predictions.absent import CostUnit, needed
from overthink.predictions.predictions import Predictions
from overthink.report.figures.bounds import Bounds, add_bounds, bounds
from overthink.report.figures.over_runs import Ends, Rows, as_rows, interval_over_runs, mean_over_runs
from overthink.report.figures.style import (
    ACCENT,
    GREY,
    INK,
    SECOND,
    cost_title,
    cost_word,
    empty_figure,
    exit_colours,
    exit_names,
    on_axis,
    percent,
)

Pair = tuple[Predictions, Predictions]
BUDGETS = 60
"""Points of the bound's curve."""


class BudgetCurves(NamedTuple):
    """Budgeted batch classification beside anytime prediction and what perfect choices reach (thesis figure 3.7)."""

    cost_E: tuple[float, ...]
    """In `unit`, as all costs here."""
    accuracy_E: tuple[float, ...]
    """Anytime prediction: all samples at one exit."""
    cost_P: tuple[float, ...]
    """Per test sample, a distribution of Algorithm 1 each, cheapest first."""
    accuracy_P: tuple[float, ...]
    ends_P: Ends | None
    """Of the accuracy; None for one run."""
    taken_PE: Rows
    """Share of the test samples that leaves at each exit."""
    recovered_P: tuple[float, ...]
    """Share of the overthought samples (any later exit) that are right where they leave; empty where none is."""
    bound_cost_B: tuple[float, ...]
    bound_accuracy_B: tuple[float, ...]
    """The best that any choice of exits reaches for a budget."""
    bounds: Bounds
    unit: CostUnit = "MUL-ADDs"


def budget_curves(runs: Sequence[Pair]) -> BudgetCurves:
    """Return the curves of one run, or means over runs of one network with different seeds; criterion max-softmax.

    Raises ValueError where runs differ in the cost of their exits.
    """
    costs = {test.exits for _, test in runs}
    if len(costs) != 1:
        raise ValueError(f"runs drawn together need exits of one cost, got {sorted(map(str, costs))}")
    batches = [budgeted_batch(lookup_table(validation), test) for validation, test in runs]
    tests = [test for _, test in runs]
    cost_E = needed(tests[0].cost_E, "costs")
    budgets_B = np.linspace(cost_E[0], cost_E[-1], BUDGETS)
    accuracies_RP = [batch.accuracy_P for batch in batches]
    recovered_RP = np.stack([batch.recovered_P for batch in batches])
    taken_RPE = np.stack([shares_taken(batch.exit_PN, len(cost_E)) for batch in batches])
    return BudgetCurves(
        cost_E=tuple(cost_E.astype(float).tolist()),
        accuracy_E=mean_over_runs([accuracy(test.correct_EN) for test in tests]),
        cost_P=mean_over_runs([batch.mean_cost_P for batch in batches]),
        accuracy_P=mean_over_runs(accuracies_RP),
        ends_P=interval_over_runs(accuracies_RP),
        taken_PE=as_rows(taken_RPE.mean(axis=0)),
        recovered_P=() if np.isnan(recovered_RP).any() else mean_over_runs(recovered_RP),
        bound_cost_B=tuple(budgets_B.tolist()),
        bound_accuracy_B=mean_over_runs([budget_oracle(test.correct_EN, cost_E, budgets_B) for test in tests]),
        bounds=bounds(tests),
        unit=tests[0].cost_unit,
    )


def draw_budget_curves(info: BudgetCurves) -> go.Figure:
    """Draw accuracy against MUL-ADDs: budgeted batch, anytime prediction, and the bounds, dashed."""
    figure = empty_figure(cost_title(info.unit, per_sample=True), "accuracy on test data (%)")
    figure.update_layout(legend_itemwidth=44)
    figure.add_scatter(
        x=on_axis(info.bound_cost_B, info.unit),
        y=percent(info.bound_accuracy_B),
        name="best choice of exits",
        mode="lines",
        line={"color": GREY, "width": 1.8, "dash": "dash"},
        hovertemplate=f"at best %{{y:.1f}}% {cost_word(info.unit)} per sample<extra></extra>",
    )
    add_bounds(figure, info.bounds, info.unit)
    _add_band(figure, info)
    figure.add_scatter(
        x=on_axis(info.cost_P, info.unit),
        y=percent(info.accuracy_P),
        name="budgeted batch (Algorithm 1)",
        mode="lines",
        line={"color": SECOND, "width": 3},
        hovertemplate=f"%{{y:.1f}}% right {cost_word(info.unit)} per sample<extra></extra>",
    )
    figure.add_scatter(
        x=on_axis(info.cost_E, info.unit),
        y=percent(info.accuracy_E),
        name="anytime prediction",
        mode="lines+markers",
        line={"color": INK, "width": 1.5},
        marker={"color": exit_colours(len(info.cost_E)), "size": 10, "line": {"color": INK, "width": 1}},
        text=exit_names(len(info.cost_E)),
        hovertemplate=f"%{{text}}: %{{y:.1f}}% right {cost_word(info.unit)}<extra></extra>",
    )
    return figure


def _add_band(figure: go.Figure, info: BudgetCurves) -> None:
    if info.ends_P is None:
        return
    cost = on_axis(info.cost_P, info.unit)
    figure.add_scatter(
        x=[*cost, *reversed(cost)],
        y=percent([*info.ends_P.high, *reversed(info.ends_P.low)]),
        fill="toself",
        fillcolor="rgba(224, 164, 88, 0.25)",
        line={"width": 0},
        name="95% interval of the mean over seeds",
        hoverinfo="skip",
    )


def draw_exits_taken(info: BudgetCurves) -> go.Figure:
    """Draw where samples leave as the budget grows."""
    figure = empty_figure(cost_title(info.unit, per_sample=True), "test samples that leave at an exit (%)")
    names, colours = exit_names(len(info.cost_E)), exit_colours(len(info.cost_E))
    for row, (name, colour) in enumerate(zip(names, colours, strict=True)):
        figure.add_scatter(
            x=on_axis(info.cost_P, info.unit),
            y=percent([shares[row] for shares in info.taken_PE]),
            name=name,
            mode="lines",
            line={"color": colour, "width": 0.5},
            fillcolor=colour,
            stackgroup="exits",
            hovertemplate=name + ": %{y:.1f}% of samples<extra></extra>",
        )
    figure.update_layout(legend_traceorder="normal")  # exit 1 first; plotly reverses stacks
    figure.update_yaxes(range=[0, 100])
    return figure


def draw_recovered(info: BudgetCurves) -> go.Figure:
    """Draw how much of the overthinking leaving early avoids, as the budget grows."""
    figure = empty_figure(cost_title(info.unit, per_sample=True), "overthought samples that leave right (%)")
    figure.add_scatter(
        x=on_axis(info.cost_P, info.unit),
        y=percent(info.recovered_P),
        name="budgeted batch (Algorithm 1)",
        mode="lines+markers",
        line={"color": ACCENT, "width": 2.5},
        marker={"size": 5},
        hovertemplate=f"%{{y:.1f}}% of them, {cost_word(info.unit)} per sample<extra></extra>",
    )
    figure.update_yaxes(range=[0, 100])
    return figure
