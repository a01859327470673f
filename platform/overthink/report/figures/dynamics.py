"""Figures of the dynamics of trainings; `dynamics.findings` has the numbers, as fractions."""

import numpy as np
import plotly.graph_objects as go

from overthink.dynamics.findings import Disorder, Dynamics
from overthink.predictions.arrays import FloatArray
from overthink.report.figures.style import (
    ACCENT,
    GREY,
    INK,
    PALE,
    SECOND,
    add_heat_map,
    empty_figure,
    exit_colours,
    exit_names,
    percent,
)

AMOUNTS = ("little", "more", "most")


def draw_overthinking(found: Dynamics) -> go.Figure:
    """Draw both rates of overthinking over the training, and the last exit's error."""
    figure = empty_figure("epoch", "% of samples")
    error_T = 1 - found.curves.accuracy_TE[:, -1]
    for name, colour, values_T in (
        ("any later", ACCENT, found.curves.any_later_T),
        ("final", SECOND, found.curves.final_T),
        ("error, last exit", GREY, error_T),
    ):
        _add_curve(figure, found, name, values_T, colour)
    return _with_stages(figure, found)


def draw_births(found: Dynamics) -> go.Figure:
    """Draw how much of the final overthinking is there for good, and how much of a moment's stays until the end."""
    figure = empty_figure("epoch", "% of overthought samples (any later)")
    _add_curve(figure, found, "of those at the end, here for good", found.curves.born_T, ACCENT)
    _add_curve(figure, found, "of those here, overthought at the end", found.curves.stays_T, INK)
    return _with_stages(figure, found)


def draw_accuracies(found: Dynamics) -> go.Figure:
    """Draw the accuracy of each exit on the recorded samples over the training."""
    figure = empty_figure("epoch", "accuracy (% of samples)")
    names = exit_names(len(found.exits))
    for name, colour, values_T in zip(names, exit_colours(len(names)), found.curves.accuracy_TE.T, strict=True):
        _add_curve(figure, found, name, values_T, colour)
    return _with_stages(figure, found)


def draw_order(correlation_EE: FloatArray, rows: str, columns: str) -> go.Figure:
    """Draw the correlation of the learning order of each pair of exits, in hundredths."""
    figure = empty_figure(columns, rows)
    hundredths = [[None if np.isnan(value) else 100 * value for value in row] for row in correlation_EE.tolist()]
    numbers = list(range(1, len(hundredths) + 1))
    add_heat_map(figure, hundredths, numbers, INK, texttemplate="%{z:.0f}", zmin=0, zmax=100, hoverinfo="skip")
    figure.update_traces(colorbar_ticksuffix="")
    figure.update_xaxes(tickvals=numbers)
    figure.update_yaxes(tickvals=numbers)
    return figure


def draw_disorder(disorder: Disorder) -> go.Figure:
    """Draw overthinking by thirds of the samples: by how far exits and how far trainings differ."""
    figure = empty_figure("trainings differ", "exits of a network differ")
    rates = [[None if np.isnan(value) else 100 * value for value in row] for row in disorder.rate.tolist()]
    add_heat_map(figure, rates, AMOUNTS, ACCENT, texttemplate="%{z:.1f}", hoverinfo="skip", zmin=0)
    return figure


def _add_curve(figure: go.Figure, found: Dynamics, name: str, values_T: FloatArray, colour: str) -> None:
    figure.add_scatter(
        x=[moment.epoch for moment in found.moments],
        y=[None if np.isnan(value) else value for value in percent(values_T.tolist())],
        name=name,
        mode="lines+markers" if len(found.moments) < 40 else "lines",
        line={"color": colour, "width": 2},
        hovertemplate="%{fullData.name}: %{y:.1f}% after epoch %{x}<extra></extra>",
    )


def _with_stages(figure: go.Figure, found: Dynamics) -> go.Figure:
    for one in found.stages[1:]:
        before, first = found.moments[one.stage.start - 1], found.moments[one.stage.start]
        figure.add_vline(
            x=(before.epoch + first.epoch) / 2,
            line={"color": PALE, "width": 1.5},
            annotation={"text": f"lr {first.lr:g}", "font": {"size": 11, "color": GREY}},
            annotation_position="top",
        )
    if len(found.stages) > 1:
        figure.update_layout(legend_y=1.08)  # above their labels
    figure.update_yaxes(rangemode="tozero")
    return figure
