"""Equal axes of figures that show the same of several groups: equal heights and colours are then equal values."""

from collections.abc import Iterator, Sequence

import plotly.graph_objects as go

ROOM = 0.05
"""Above and below what is drawn, relative to its range."""


def set_equal_axes(figures: Sequence[go.Figure]) -> None:
    """Give figures of one kind the same range along y, where they have lines, and of the colours of heat maps."""
    values = [value for figure in figures for value in _heights(figure)]
    most = [trace.zmax for figure in figures for trace in figure.select_traces({"type": "heatmap"})]
    for figure in figures:
        if most:
            figure.update_traces(zmax=max(most), selector={"type": "heatmap"})
        if values:
            room = ROOM * (max(values) - min(values) or 1)
            figure.update_yaxes(range=[min(values) - room, max(values) + room])


def _heights(figure: go.Figure) -> Iterator[float]:
    """Yield what the lines and points of a figure reach, with their bars."""
    for trace in figure.select_traces({"type": "scatter"}):
        above = trace.error_y.array if trace.error_y.array is not None else [0] * len(trace.y)
        below = trace.error_y.arrayminus if trace.error_y.arrayminus is not None else above
        for value, more, less in zip(trace.y, above, below, strict=True):
            yield from (float(value + more), float(value - less))
