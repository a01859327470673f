"""Share of frequency coefficients that the images of each exit's samples need (thesis figures A.3 to A.5).

`inference.frequency` has the numbers.
"""

from math import sqrt

import plotly.graph_objects as go

from overthink.inference.frequency import Spread
from overthink.report.figures.style import GREY, INK, PALE, empty_figure, exit_colours, exit_names
from overthink.statistics.estimate import t_quantile


def half_width(spread: Spread) -> float | None:
    """Return half the width of the 95% interval of a mean over samples; None where the spread is not known."""
    return None if spread.std is None else t_quantile(spread.n - 1) * spread.std / sqrt(spread.n)


def draw_frequencies(axis: str, spreads: tuple[Spread, ...], never_right: Spread | None = None) -> go.Figure:
    """Draw for each exit, and for samples that no exit gets right, the mean, its interval, and the spread beside it."""
    figure = empty_figure("", axis)
    rows = list(zip(exit_names(len(spreads)), spreads, exit_colours(len(spreads)), strict=True))
    if never_right is not None:
        rows.append(("no exit", never_right, GREY))
    known = [(f"{name}<br>n = {one.n}", one, one.mean, colour) for name, one, colour in rows if one.mean is not None]
    names, means = [name for name, *_ in known], [100 * mean for _, _, mean, _ in known]
    spread = [100 * (one.std or 0) for _, one, _, _ in known]
    figure.add_scatter(
        x=names,
        y=means,
        error_y={
            "array": [min(std, 100 - mean) for std, mean in zip(spread, means, strict=True)],
            "arrayminus": [min(std, mean) for std, mean in zip(spread, means, strict=True)],
            "color": PALE,
            "thickness": 7,
            "width": 0,
        },
        name="± standard deviation over samples",
        mode="markers",
        marker={"color": PALE, "size": 7, "symbol": "square"},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=names,
        y=means,
        error_y={
            "array": [100 * (half_width(one) or 0) for _, one, _, _ in known],
            "color": INK,
            "thickness": 1.6,
            "width": 9,
        },
        name="mean, 95% interval for new samples",
        mode="markers",
        marker={"color": [colour for *_, colour in known], "size": 9, "line": {"color": INK, "width": 1}},
        customdata=spread,
        hovertemplate="%{x}: %{y:.2f}% ± %{error_y.array:.2f} on average, deviation %{customdata:.1f}<extra></extra>",
    )
    return figure
