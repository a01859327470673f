"""Several groups in one plot for a paper: PDF and SVG as vectors, PNG; `groups` has the numbers.

matplotlib draws it, so that no browser is needed. The same numbers give the same bytes.
"""

from io import BytesIO
from typing import TYPE_CHECKING, Any

from overthink.report.figures.groups import Curve, Overlay
from overthink.report.figures.style import GREY, GRID, INK, on_axis, percent
from overthink.report.run_colours import HUES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZES = {1: (3.35, 2.6), 2: (7.0, 3.2)}
"""Columns of a paper -> width and height in inches: 8.5 and 17.8 cm wide."""
MARKERS = ("o", "s", "D", "^", "v", "X", "P")
DASHES = ("-", "--")
BAND = 0.16
LETTER = 0.075
"""Width of a letter of the legend in inches, at most."""
HANDLE = 0.45
STYLE = {
    "font.size": 8,
    "font.family": "DejaVu Sans",  # which comes with matplotlib: the same on every machine
    "axes.linewidth": 0.6,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "pdf.fonttype": 42,  # TrueType: conferences refuse type 3
    "svg.fonttype": "none",
    "svg.hashsalt": "overthink",
}
NO_DATE: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}


def paper_figure(info: Overlay, form: str, columns: int) -> bytes:
    """Return the figure as a file: pdf, svg or png, as wide as one or two columns of a paper."""
    from matplotlib import rc_context

    file = BytesIO()
    with rc_context(STYLE):
        _drawn(info, columns).savefig(file, format=form, dpi=300, metadata=NO_DATE[form])
    return file.getvalue()


def _drawn(info: Overlay, columns: int) -> "Figure":
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=SIZES[columns], layout="constrained")
    axes = figure.add_subplot()
    places = {group: place for place, group in enumerate(info.groups)}
    for curve, shift in zip(info.curves, info.shifts, strict=True):
        _add_curve(axes, info, curve, places[curve.group], shift)
    for name, dash in zip(info.names, DASHES, strict=False):
        axes.plot([], [], dash, color=GREY, linewidth=1.3, label=_plain(name))
    axes.set_xlabel(info.x_title)
    axes.set_ylabel(info.y_title)
    axes.grid(color=GRID, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    if info.unit is None:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if info.from_zero:
        axes.set_ylim(bottom=0)
    figure.legend(
        loc="outside upper left", ncols=_legend_columns(info, SIZES[columns][0]), frameon=False, columnspacing=1.2
    )
    return figure


def _add_curve(axes: "Axes", info: Overlay, curve: Curve, place: int, shift: float) -> None:
    colour, x = HUES[place % len(HUES)], on_axis([at + shift for at in curve.x_P], info.unit)
    number = info.number(curve)
    if curve.low_P is not None and curve.high_P is not None:
        low, high = percent(curve.low_P), percent(curve.high_P)
        if info.has_exits:
            axes.vlines(x, low, high, color=colour, linewidth=0.8)
        else:
            axes.fill_between(x, low, high, color=colour, alpha=BAND / max(len(info.names), 1), linewidth=0)
            for ends in (low, high):
                axes.plot(x, ends, DASHES[number], color=colour, linewidth=0.4)
    axes.plot(
        x,
        percent(curve.mean_P),
        DASHES[number],
        color=colour,
        linewidth=1.3,
        marker=MARKERS[place % len(MARKERS)] if info.has_exits else "",
        markersize=4,
        clip_on=False,  # half of a point at 0 would be cut
        markerfacecolor="white" if number else colour,
        label=_plain(curve.group) if curve.name in ("", *info.names[:1]) else "_",  # one entry a group
    )


def _plain(name: str) -> str:
    """Return a name as matplotlib draws it as it is, where what is between two $ would be a formula."""
    return name.replace("$", r"\$")


def _legend_columns(info: Overlay, width: float) -> int:
    entries = [*info.groups, *info.names]
    longest = HANDLE + LETTER * max(map(len, entries))
    return max(1, min(len(entries), int(width / longest)))
