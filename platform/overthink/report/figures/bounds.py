"""What a perfect choice of exits reaches: the oracle and the realistic upper bound (thesis figure 3.7)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from overthink.inference.oracle import OperatingPoint, oracle, upper_bound
from overthink.predictions.absent import CostUnit, needed
from overthink.predictions.predictions import Predictions
from overthink.report.figures.style import ACCENT, cost_word, on_axis, percent


class Bounds(NamedTuple):
    """Accuracy and cost of the two bounds; means over runs."""

    oracle: OperatingPoint
    """Each sample takes the cheapest exit that is right; samples that no exit gets right cost nothing."""
    upper_bound: OperatingPoint
    """The same, except that samples that no exit gets right take the last exit."""


def bounds(runs: Sequence[Predictions]) -> Bounds:
    """Return the bounds of one run, or means over several; raises AbsentError where costs are not known."""
    costs = [needed(run.cost_E, "costs") for run in runs]
    return Bounds(
        *(
            mean_point([bound(run.correct_EN, cost_E) for run, cost_E in zip(runs, costs, strict=True)])
            for bound in (oracle, upper_bound)
        )
    )


def mean_point(points: Sequence[OperatingPoint]) -> OperatingPoint:
    """Return the mean accuracy and the mean cost."""
    return OperatingPoint(*np.mean(points, axis=0).tolist())


def add_bounds(figure: go.Figure, info: Bounds, unit: CostUnit = "MUL-ADDs") -> None:
    """Add both bounds to a figure of accuracy (percent) against cost."""
    add_point(figure, "oracle", info.oracle, ACCENT, "star", unit)
    add_point(figure, "realistic upper bound", info.upper_bound, ACCENT, "diamond", unit)


def add_point(
    figure: go.Figure, name: str, point: OperatingPoint, colour: str, symbol: str, unit: CostUnit = "MUL-ADDs"
) -> None:
    """Add one point to a figure of accuracy (percent) against cost."""
    figure.add_scatter(
        x=on_axis([point.mean_cost], unit),
        y=percent([point.accuracy]),
        name=name,
        mode="markers",
        marker={"color": colour, "size": 13, "symbol": symbol},
        hovertemplate=f"{name}: %{{y:.1f}}% right {cost_word(unit)} per sample<extra></extra>",
    )
