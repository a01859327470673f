"""Accuracy of exit policies against their cost."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from overthink.exit_policies.side_by_side import SideBySide
from overthink.report.figures.style import ACCENT, GREY, INK, PALE, SECOND, empty_figure, escaped
from overthink.report.run_colours import HUES

WITH_LABELS = ((GREY, "dash"), ("#8a5a99", "dashdot"), ("#6a8d3c", "longdash"))
"""Colours and dashes of policies that use labels: no two look alike."""
CONSTANT = {"static": (ACCENT, "dot"), "random": (SECOND, "longdashdot")}
"""Of policies that do not look at the sample."""


class PolicyLine(NamedTuple):
    """One policy: shares of the last exit's cost, and accuracies, fractions."""

    name: str
    cost_A: tuple[float, ...]
    accuracy_A: tuple[float, ...]
    uses_labels: bool
    rank: int
    """By area among those that do not use labels, from 0; -1 of those that do."""


class PolicyLines(NamedTuple):
    """All policies of a group, and the one that others are compared with."""

    lines: tuple[PolicyLine, ...]
    baseline: str


def policy_lines(found: SideBySide) -> PolicyLines:
    """Return the curves of the rows that have any."""
    areas = {row.name: row.area.value for row in found.rows if row.area is not None and not row.uses_labels}
    ranks = {name: rank for rank, name in enumerate(sorted(areas, key=lambda name: -areas[name]))}
    lines = [
        PolicyLine(
            row.name,
            tuple(cost for cost, _ in row.curve),
            tuple(accuracy for _, accuracy in row.curve),
            row.uses_labels,
            ranks.get(row.name, -1),
        )
        for row in found.rows
        if row.curve
    ]
    return PolicyLines(tuple(lines), found.baseline)


def draw_policy_lines(info: PolicyLines) -> go.Figure:
    """Draw them: the best by area and the baseline in colours, others pale, those that use labels dashed."""
    figure = empty_figure("cost per sample (% of the last exit's)", "accuracy on test data (%)")
    figure.update_layout(
        legend={"orientation": "v", "x": 1.02, "y": 1, "yanchor": "top"}, height=480, legend_itemwidth=44
    )
    using_labels = [line.name for line in info.lines if line.uses_labels]
    for line in sorted(info.lines, key=lambda line: (line.uses_labels, line.rank)):
        figure.add_scatter(
            x=[100 * cost for cost in line.cost_A],
            y=[100 * accuracy for accuracy in line.accuracy_A],
            name=escaped(line.name),
            mode="lines",
            line=_style(line, info.baseline, using_labels),
            hovertemplate="%{fullData.name}: %{y:.2f}% right for %{x:.1f}% of the cost<extra></extra>",
        )
    return figure


def _style(line: PolicyLine, baseline: str, using_labels: Sequence[str]) -> dict[str, object]:
    if line.uses_labels:
        colour, dash = WITH_LABELS[using_labels.index(line.name) % len(WITH_LABELS)]
        return {"color": colour, "dash": dash, "width": 1.5}
    if line.name == baseline:
        return {"color": INK, "width": 3}
    if line.name in CONSTANT:
        colour, dash = CONSTANT[line.name]
        return {"color": colour, "dash": dash, "width": 1.8}
    return {"color": HUES[line.rank], "width": 2} if line.rank < len(HUES) else {"color": PALE, "width": 1.2}
