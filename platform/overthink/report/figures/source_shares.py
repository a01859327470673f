"""Figure of a study's sources of randomness. `study.sources` has the numbers, as fractions; this draws them."""

from collections.abc import Mapping
from typing import NamedTuple

import plotly.graph_objects as go

from overthink.report.figures.style import ACCENT, GREY, INK, SECOND, empty_figure, percent
from overthink.statistics.jackknife import Interval
from overthink.study.source_sentences import is_determined
from overthink.study.sources import Shares, SourceShares

COLOURS = (ACCENT, INK, SECOND, GREY)


class Series(NamedTuple):
    """Shares of one kind, by source."""

    name: str
    shares: Mapping[str, Interval]


def share_series(found: SourceShares) -> list[Series]:
    """Return what the figure shows of any-later overthinking: shares that are determined, and the interaction."""
    readings = (("which samples", found.any_later.per_sample), ("how many", found.any_later.rate))
    series = [one for what, shares in readings for one in _series(what, shares)]
    return [one for one in series if one.shares]


def _series(what: str, shares: Shares) -> tuple[Series, Series]:
    total = {name: share.total for name, share in shares.of.items()}
    first = {name: share.first_order for name, share in shares.of.items()} | {"interaction": shares.interaction}
    return Series(f"{what}: total", _determined(total)), Series(f"{what}: first order", _determined(first))


def _determined(shares: Mapping[str, Interval | None]) -> dict[str, Interval]:
    return {name: share for name, share in shares.items() if share and is_determined(share)}


def draw_source_shares(found: SourceShares) -> go.Figure:
    """Draw total and first-order shares with their intervals, by source."""
    figure = empty_figure("source of randomness", "share of the variance (%)")
    for series, colour in zip(share_series(found), COLOURS, strict=False):
        values = list(series.shares.values())
        figure.add_scatter(
            x=list(series.shares),
            y=percent([one.value for one in values]),
            error_y={
                "array": percent([0.0 if one.high is None else one.high - one.value for one in values]),
                "arrayminus": percent([0.0 if one.low is None else one.value - one.low for one in values]),
                "thickness": 1.4,
                "width": 4,
                "color": colour,
            },
            name=series.name,
            mode="markers",
            marker={"color": colour, "size": 9},
            hovertemplate=f"{series.name}, %{{x}}: %{{y:.1f}}%<extra></extra>",
        )
    figure.update_layout(scattermode="group", scattergap=0.6)
    figure.update_yaxes(rangemode="tozero")
    return figure
