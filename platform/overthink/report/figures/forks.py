"""Figure of a study's forks. `study.forks` has the numbers, as fractions; this draws them."""

from typing import NamedTuple

import plotly.graph_objects as go

from overthink.report.figures.study import add_points
from overthink.report.figures.style import ACCENT, INK, SECOND, empty_figure
from overthink.statistics.jackknife import Interval
from overthink.study.forks import AtEpoch, ForkArm


class Series(NamedTuple):
    """What the figure shows of one fact."""

    name: str
    differ: tuple[Interval, ...]
    """By the epoch of the fork."""
    independent: Interval | None


def fork_series(arm: ForkArm) -> list[Series]:
    """Return what the figure shows: how often answers of the last exit differ, and both sets of overthought samples."""

    def series(name: str, place: int) -> Series:
        independent = None if arm.independent is None else _facts(arm.independent)[place]
        return Series(name, tuple(_facts(at)[place] for at in arm.epochs), independent)

    names = ("answers, last exit", "overthought, any later", "overthought, final")
    return [series(name, place) for place, name in enumerate(names)]


def _facts(at: AtEpoch) -> tuple[Interval, ...]:
    return at.answers_E[-1].differ, at.any_later.differ, at.final.differ


def draw_forks(arm: ForkArm) -> go.Figure:
    """Draw in how many samples forks differ by the epoch that they leave their trunk at, with independent trainings."""
    figure = empty_figure("epochs that two trainings share", "samples that differ (% of test samples)")
    epochs = [str(at.epoch) for at in arm.epochs]
    for series, colour in zip(fork_series(arm), (INK, ACCENT, SECOND), strict=True):
        add_points(figure, series.name, colour, epochs, series.differ, "lines+markers")
        if series.independent is not None:
            figure.add_hline(100 * series.independent.value, line={"color": colour, "dash": "dash", "width": 1.2})
    figure.update_xaxes(type="category")
    figure.update_yaxes(rangemode="tozero")
    return figure
