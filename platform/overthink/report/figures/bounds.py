"""What a perfect choice of exits reaches: the oracle and the realistic upper bound (thesis figure 3.7)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from overthink.inference.oracle import OperatingPoint, oracle, upper_bound
from overthink.predictions.predictions import Predictions
from overthink.report.figures.style import ACCENT, millions, percent


class Bounds(NamedTuple):
    """Accuracy and cost of the two bounds; means over runs."""

    oracle: OperatingPoint
    """Each sample takes the cheapest exit that is right; samples that no exit gets right cost nothing."""
    upper_bound: OperatingPoint
    """The same, except that samples that no exit gets right take the last exit."""


def bounds(runs: Sequence[Predictions]) -> Bounds:
    """Return the bounds of one run, or means over several."""
    return Bounds(*(mean_point([bound(run.correct_EN, run.cost_E) for run in runs]) for bound in (oracle, upper_bound)))


def mean_point(points: Sequence[OperatingPoint]) -> OperatingPoint:
    """Return the mean accuracy and the mean cost."""
    return OperatingPoint(*np.mean(points, axis=0).tolist())


def add_bounds(figure: go.Figure, info: Bounds) -> None:
    """Add both bounds to a figure of accuracy (percent) against cost (millions of MUL-ADDs)."""
    add_point(figure, "oracle", info.oracle, ACCENT, "star")
    add_point(figure, "realistic upper bound", info.upper_bound, ACCENT, "diamond")


def add_point(figure: go.Figure, name: str, point: OperatingPoint, colour: str, symbol: str) -> None:
    """Add one point to a figure of accuracy (percent) against cost (millions of MUL-ADDs)."""
    figure.add_scatter(
        x=millions([point.mean_cost]),
        y=percent([point.accuracy]),
        name=name,
        mode="markers",
        marker={"color": colour, "size": 13, "symbol": symbol},
        hovertemplate=f"{name}: %{{y:.1f}}% right for %{{x:.2f}} M MUL-ADDs per sample<extra></extra>",
    )
