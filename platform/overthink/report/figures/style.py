"""What all figures share: palette, axes, units and heat maps. Figures show percent and millions, records fractions."""

import html
from collections.abc import Sequence
from functools import cache
from typing import Any

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from overthink.predictions.absent import CostUnit
from overthink.report.run_colours import HUES

INK, GREY, PALE, ACCENT, SECOND = "#1f2933", "#7b8794", "#cbd2d9", "#b3432b", "#e0a458"
FONT = "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"

GRID = "#ebf0f8"

_AXIS = {"gridcolor": GRID, "ticks": "", "title": {"standoff": 15}, "automargin": True}
# plotly's own templates style fifty kinds of traces: 60 ms and 7 kB a figure, where these take 2 ms.
TEMPLATE = {
    "layout": {
        "autotypenumbers": "strict",
        "colorway": list(HUES),
        "hoverlabel": {"align": "left"},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "annotationdefaults": {"arrowhead": 0, "arrowwidth": 1},
    },
    "data": {
        "bar": [{"marker": {"line": {"color": "white", "width": 0.5}}}],
        "heatmap": [{"colorbar": {"outlinewidth": 0, "ticks": ""}}],
    },
}


@cache
def over_plotlys_own() -> go.layout.Template:
    """Return our template over plotly's own, for figures that other libraries draw: to merge the two takes 15 ms."""
    return go.Figure().update_layout(template=TEMPLATE).layout.template


def empty_figure(x_title: str, y_title: str) -> go.Figure:
    """Return a figure without data: fonts, margins, legend and axes."""
    return go.Figure(
        layout={
            "template": TEMPLATE,
            "font": {"family": FONT, "size": 13, "color": INK},
            "height": 400,
            "margin": {"l": 60, "r": 20, "t": 30, "b": 50},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            "hovermode": "closest",
            "xaxis": _axis(x_title),
            "yaxis": _axis(y_title),
        }
    )


def _axis(title: str) -> dict[str, Any]:
    return {
        "title": {"text": title, "font": {"size": 13}},
        "showline": True,
        "linecolor": PALE,
        "zeroline": False,
    }


def add_heat_map(
    figure: go.Figure, percent_XX: Sequence[Sequence[float | None]], names: Sequence[object], colour: str, **more: Any
) -> None:
    """Add a heat map of percentages whose rows and columns have the same names, the first row on top.

    `more` are fields of plotly's heat map.
    """
    figure.add_heatmap(
        z=percent_XX,
        x=names,
        y=names,
        colorscale=[[0, "#fdf6f0"], [1, colour]],
        colorbar={"ticksuffix": "%", "thickness": 12, "outlinewidth": 0},
        xgap=1,
        ygap=1,
        **more,
    )
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(showgrid=False, autorange="reversed")


def add_exit_pairs(figure: go.Figure, share_EE: Sequence[Sequence[float]], colour: str, **more: Any) -> None:
    """Add a heat map of a fraction for each pair of an exit (down) and a later one (across); other cells are empty."""
    later = [[100 * share if j > i else None for j, share in enumerate(row)] for i, row in enumerate(share_EE)]
    numbers = list(range(1, len(later) + 1))
    add_heat_map(figure, later, numbers, colour, textfont={"size": 12}, hoverongaps=False, **more)
    figure.update_xaxes(tickvals=numbers)
    figure.update_yaxes(tickvals=numbers)


def exit_colours(count: int) -> list[str]:
    """Return a colour for each exit, from light to dark with depth, distinct for colour-blind readers."""
    places = [0.83 - 0.78 * number / max(count - 1, 1) for number in range(count)]  # lighter ones fade on white
    return [str(colour) for colour in sample_colorscale("Viridis", places)]


def exit_names(exits: int | Sequence[int]) -> list[str]:
    """Return `exit 1`, `exit 2` and so on, for a number of exits or for some exits."""
    return [f"exit {number}" for number in (range(1, exits + 1) if isinstance(exits, int) else exits)]


def translucent(colour: str, opacity: float) -> str:
    """Return a colour `#rrggbb` for areas through which others show.

    >>> translucent("#0072b2", 0.2)
    'rgba(0, 114, 178, 0.2)'
    """
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def percent(fractions: Sequence[float]) -> list[float]:
    """Return fractions as percent."""
    return [100 * value for value in fractions]


def millions(costs: Sequence[float]) -> list[float]:
    """Return MUL-ADDs as millions of MUL-ADDs."""
    return [cost / 1e6 for cost in costs]


def cost_title(unit: CostUnit | None, per_sample: bool = False) -> str:
    """Return the title of an axis of costs; without costs, exits stand side by side."""
    if unit is None:
        return "exit"
    named = {"MUL-ADDs": "MUL-ADDs{} (millions)", "seconds": "seconds{}", "relative": "cost{} (last exit: 1)"}[unit]
    return named.format(" per sample" if per_sample else "")


def cost_word(unit: CostUnit | None) -> str:
    """Return how a cost on such an axis reads in a sentence, as a format of plotly for `x`."""
    if unit is None:
        return "at exit %{x}"
    return {"MUL-ADDs": "for %{x:.2f} M MUL-ADDs", "seconds": "in %{x:.4g} s", "relative": "for %{x:.3f} of the cost"}[
        unit
    ]


def on_axis(costs: Sequence[float], unit: CostUnit | None) -> list[float]:
    """Return costs as such an axis shows them."""
    return millions(costs) if unit == "MUL-ADDs" else list(costs)


def escaped(text: str) -> str:
    """Return a name as plotly shows it literally: plotly reads HTML tags in text."""
    return html.escape(text, quote=False)
