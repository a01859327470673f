"""The page of frequencies: what the images of each exit's samples take (thesis figures A.3 to A.5)."""

import plotly.graph_objects as go

from overthink.inference.frequency import ByExit, Spread
from overthink.report.drawing import GREY, INK, empty_figure, exit_colours, exit_names
from overthink.report.pages import Captioned, page


def frequency_page(title: str, intro: str, info: ByExit) -> str:
    """Return the page of one run."""
    return page(title, f"{intro} {verdict(info)}", frequency_figures(info))


def frequency_figures(info: ByExit) -> list[Captioned]:
    """Return the figures of the page."""
    return [
        Captioned("Samples that an exit gets right (sets that overlap)", draw(info.right_E)),
        Captioned("Samples that an exit is the first to get right", draw(info.first_right_E, info.never_right)),
    ]


def draw(spreads: tuple[Spread, ...], nobody: Spread | None = None) -> go.Figure:
    """Draw mean and standard deviation over samples, an exit each, and those that no exit gets right."""
    figure = empty_figure("", "coefficients needed (% of all)")
    rows = list(zip(exit_names(len(spreads)), spreads, exit_colours(len(spreads)), strict=True))
    if nobody is not None:
        rows.append(("no exit", nobody, GREY))
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


def verdict(info: ByExit) -> str:
    """Say in words whether exits differ, and by how much."""
    known = [(number, delta) for number, delta in enumerate(info.delta_E, 1) if number > 1 and delta is not None]
    if info.p is None or not known:
        return "There are too few samples to compare exits."
    number, delta = max(known, key=lambda entry: abs(entry[1]))
    size = next(word for least, word in SIZES if abs(delta) >= least)
    alike = "cannot be told apart" if info.p >= 0.05 else "are not alike"
    return (
        f"The samples that exits are the first to get right {alike} (Kruskal-Wallis p = {info.p:.2g}); the largest "
        f"difference is exit {number}'s to exit 1's, Cliff's delta {delta:+.2f}, {size}."
    )


SIZES = ((0.474, "large"), (0.33, "medium"), (0.147, "small"), (0.0, "negligible"))
"""Of Cliff's delta, by the usual thresholds (Romano et al. 2006)."""
