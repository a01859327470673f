"""Several groups in one plot of a page; `groups` has the numbers."""

from typing import Any

import plotly.graph_objects as go

from overthink.report.figures.groups import Curve, Overlay
from overthink.report.figures.over_runs import Ends, error_bars
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
    """Draw a line for each curve with bars, or over bands, of its intervals; a group has a colour and a symbol."""
    figure = empty_figure(info.x_title, info.y_title)
    places = {group: place for place, group in enumerate(info.groups)}
    if not info.has_exits:
        for curve in info.curves:
            _add_band(figure, info, curve, HUES[places[curve.group] % len(HUES)])
    for curve, shift in zip(info.curves, info.shifts, strict=True):
        _add_line(figure, info, curve, places[curve.group], shift)
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
        fillcolor=translucent(colour, BAND / max(len(info.names), 1)),
        line={"width": 0.5, "color": colour},
        legendgroup=curve.group,
        showlegend=False,
        hoverinfo="skip",
    )


def _bars(curve: Curve) -> dict[str, Any] | None:
    if curve.low_P is None or curve.high_P is None:
        return None
    return {**error_bars(curve.mean_P, Ends(curve.low_P, curve.high_P)), "thickness": 1, "width": 0}


def _add_line(figure: go.Figure, info: Overlay, curve: Curve, place: int, shift: float) -> None:
    colour, number = HUES[place % len(HUES)], info.number(curve)
    at = f"at {info.x_title} %{{x}}" if info.unit is None else cost_word(info.unit)
    at = at.replace("%{x", "%{customdata")  # x itself is shifted
    figure.add_scatter(
        x=on_axis([at + shift for at in curve.x_P], info.unit),
        y=percent(curve.mean_P),
        error_y=_bars(curve) if info.has_exits else None,
        customdata=on_axis(curve.x_P, info.unit),
        name=escaped(curve.group),
        mode="lines+markers" if info.has_exits else "lines",
        line={"color": colour, "width": 2, "dash": DASHES[number]},
        marker={"color": colour, "size": 8, "symbol": f"{SYMBOLS[place % len(SYMBOLS)]}{'-open' if number else ''}"},
        cliponaxis=False,  # half of a point at 0 would be cut
        legendgroup=curve.group,
        showlegend=curve.name in ("", *info.names[:1]),
        hovertemplate=f"{escaped(curve.group)} {curve.name}: %{{y:.1f}}% {at}<extra></extra>",
    )
