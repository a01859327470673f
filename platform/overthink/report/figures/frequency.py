"""Share of frequency coefficients that the images of each exit's samples need (thesis figures A.3 to A.5).

`inference.frequency` has the numbers.
"""

import plotly.graph_objects as go

from overthink.inference.frequency import Spread
from overthink.report.figures.style import GREY, INK, empty_figure, exit_colours, exit_names


def draw_frequencies(axis: str, spreads: tuple[Spread, ...], never_right: Spread | None = None) -> go.Figure:
    """Draw mean and standard deviation over samples for each exit, and for those that no exit gets right."""
    figure = empty_figure("", axis)
    rows = list(zip(exit_names(len(spreads)), spreads, exit_colours(len(spreads)), strict=True))
    if never_right is not None:
        rows.append(("no exit", never_right, GREY))
    for name, spread, colour in rows:
        if spread.mean is None:
            continue
        figure.add_scatter(
            x=[f"{name}<br>n = {spread.n}"],
            y=[100 * spread.mean],
            error_y={"type": "data", "array": [100 * (spread.std or 0)], "color": INK, "thickness": 1.2, "width": 6},
            mode="markers",
            marker={"color": colour, "size": 13, "line": {"color": INK, "width": 1}},
            showlegend=False,
            hovertemplate=name + ": %{y:.1f}% on average<extra></extra>",
        )
    return figure
