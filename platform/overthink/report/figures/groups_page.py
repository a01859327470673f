"""Several groups in one plot of a page; `groups` has the numbers."""

import plotly.graph_objects as go

from overthink.report.figures.groups import Curve, Overlay
from overthink.report.figures.style import (
    GREY,
    cost_word,
    empty_figure,
    escaped,
    on_axis,
    percent,
    translucent,
)
from overthink.report.run_colours import HUES

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "x", "cross")
"""One more than there are hues, so that no two of the first 42 groups look alike."""
DASHES = ("solid", "dash")
BAND = 0.16


def draw_groups(info: Overlay) -> go.Figure:
    """Draw a line for each curve over the bands of their intervals; a group has a colour and a symbol."""
    figure = empty_figure(info.x_title, info.y_title)
    places = {group: place for place, group in enumerate(info.groups)}
    for curve in info.curves:
        _add_band(figure, info, curve, HUES[places[curve.group] % len(HUES)])
    for curve in info.curves:
        _add_line(figure, info, curve, places[curve.group])
    for name, dash in zip(info.names, DASHES, strict=False):
        figure.add_scatter(x=[None], y=[None], name=escaped(name), mode="lines", line={"color": GREY, "dash": dash})
    if info.unit is None:
        figure.update_xaxes(dtick=1)
    if info.from_zero:
        figure.update_yaxes(rangemode="tozero")
    figure.update_layout(legend_itemwidth=44)
    return figure


def _add_band(figure: go.Figure, info: Overlay, curve: Curve, colour: str) -> None:
    if curve.low_P is None or curve.high_P is None:
        return
    x = on_axis(curve.x_P, info.unit)
    figure.add_scatter(
        x=[*x, *reversed(x)],
        y=percent([*curve.high_P, *reversed(curve.low_P)]),
        mode="lines",
        fill="toself",
        fillcolor=translucent(colour, BAND),
        line={"width": 0},
        legendgroup=curve.group,
        showlegend=False,
        hoverinfo="skip",
    )


def _add_line(figure: go.Figure, info: Overlay, curve: Curve, place: int) -> None:
    colour = HUES[place % len(HUES)]
    at = f"at {info.x_title} %{{x}}" if info.unit is None else cost_word(info.unit)
    figure.add_scatter(
        x=on_axis(curve.x_P, info.unit),
        y=percent(curve.mean_P),
        name=escaped(curve.group),
        mode="lines+markers" if info.has_exits else "lines",
        line={"color": colour, "width": 2, "dash": DASHES[info.names.index(curve.name) if curve.name else 0]},
        marker={"color": colour, "size": 8, "symbol": SYMBOLS[place % len(SYMBOLS)]},
        legendgroup=curve.group,
        showlegend=curve.name in ("", *info.names[:1]),
        hovertemplate=f"{escaped(curve.group)} {curve.name}: %{{y:.1f}}% {at}<extra></extra>",
    )
