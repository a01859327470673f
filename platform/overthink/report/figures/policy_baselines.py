"""A policy network beside baselines: answers that need no image, and budgeted batch prediction.

Every function takes the evidence of one run, or of several seeds, and gives means over runs.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from overthink.inference.oracle import OperatingPoint
from overthink.policy.catalogue import compute_evidence
from overthink.policy.evidence import Evidence
from overthink.policy.routing import routed
from overthink.report.figures.bounds import add_point, mean_point
from overthink.report.figures.budget_curves import BudgetCurves, budget_curves, draw_budget_curves
from overthink.report.figures.style import ACCENT, INK, empty_figure, percent

OTHER_TRAININGS = {"another": "another training's labels", "majority": "majority of other trainings"}


class AnswersWithoutImage(NamedTuple):
    """The policy network's accuracy and balanced accuracy beside those of answers that need no image.

    Labels of other trainings are scored on the samples that these label, too; all else, on the labelled test samples.
    """

    names: tuple[str, ...]
    accuracy: tuple[float, ...]
    balanced: tuple[float, ...]
    """NaN where there is none."""


def answers_without_image(
    runs: Sequence[Evidence], ceiling: Mapping[str, float] = MappingProxyType({})
) -> AnswersWithoutImage:
    """Return the policy network first, then its baselines, and labels of other trainings (`ceiling_metrics`).

    What cannot be computed is left out.
    """
    values = [compute_evidence(run) for run in runs]

    def mean(name: str) -> float:
        return float(np.mean([found.get(f"policy/{name}", np.nan) for found in values]))

    chance = 1 / len(runs[0].exits)
    rows = [
        ("policy network", mean("accuracy"), mean("balanced_accuracy")),
        ("exit 1's confidence", mean("confidence/accuracy"), mean("confidence/balanced_accuracy")),
        ("difficulty level", mean("level/accuracy"), mean("level/balanced_accuracy")),
        ("best constant", mean("best_constant"), chance),
        ("guess by label shares", mean("prior_matched"), chance),
        ("uniform guess", mean("uniform"), chance),
    ]
    others = [
        (
            name,
            ceiling.get(f"policy/ceiling/{key}/accuracy", np.nan),
            ceiling.get(f"policy/ceiling/{key}/balanced_accuracy", np.nan),
        )
        for key, name in OTHER_TRAININGS.items()
    ]
    names, accuracy, balanced = zip(*(row for row in rows + others if not np.isnan(row[1])), strict=True)
    return AnswersWithoutImage(names, accuracy, balanced)


def draw_answers_without_image(info: AnswersWithoutImage) -> go.Figure:
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
    figure.update_layout(margin_l=190)
    figure.update_xaxes(range=[0, 102])
    figure.update_yaxes(autorange="reversed")
    return figure


class Routing(NamedTuple):
    """The main network with exits chosen by the policy network, beside budgeted batch prediction and the bounds."""

    curves: BudgetCurves
    without_policy: OperatingPoint
    with_policy: OperatingPoint


def routing(runs: Sequence[Evidence]) -> Routing:
    """Return accuracy and cost of routing, with and without the policy network's own cost."""
    found = [routed(run) for run in runs]
    return Routing(
        budget_curves([(run.network_validation, run.network_test) for run in runs]),
        mean_point([entry.without_policy for entry in found]),
        mean_point([entry.with_policy for entry in found]),
    )


def draw_routing(info: Routing) -> go.Figure:
    """Draw the routed network beside the budgeted curve and the bounds."""
    figure = draw_budget_curves(info.curves)
    add_point(figure, "routed by the policy network", info.without_policy, INK, "x")
    add_point(figure, "its own cost included", info.with_policy, INK, "x-open")
    return figure
