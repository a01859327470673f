"""Confidence of exits: accuracy against confidence, and how neighbouring exits rank samples by confidence."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from overthink.metrics.agreement import confidence_ranks, rank_correlation
from overthink.metrics.calibration import BINS, Reliability, calibration_error, reliability
from overthink.policy.significance import accuracy_interval
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from overthink.report.figures.over_runs import Ends, Rows, error_bars, mean_over_runs
from overthink.report.figures.style import ACCENT, GREY, GRID, empty_figure, exit_colours, exit_names, percent

FEW = 10
"""Samples in a bin, below which its accuracy says little: its point is hollow, and no curve goes through it."""
MOST_POINTS = 1500
"""Of a scatter plot: more hide each other."""


class Calibration(NamedTuple):
    """Accuracy against confidence, a curve for each exit; samples of all runs together.

    Bins without samples are left out, so exits have curves of different length.
    """

    confidence_EB: Rows
    accuracy_EB: Rows
    low_EB: Rows
    high_EB: Rows
    """Ends of Wilson's 95% interval of the accuracy, for new samples: runs share theirs, so each counts once."""
    count_EB: Rows
    """Samples of a run that are in a bin; mean over runs."""
    error_E: tuple[float, ...]
    """Expected calibration error, a fraction, mean over runs."""


def calibration(runs: Sequence[Predictions]) -> Calibration:
    """Return the reliability of each exit."""
    of_runs = [needed(run.max_softmax_EN, "confidence") for run in runs]
    confidence_EN = np.concatenate(of_runs, axis=1)
    correct_EN = np.concatenate([run.correct_EN for run in runs], axis=1)
    bins = [
        _without_empty(reliability(right_N, sure_N, BINS))
        for right_N, sure_N in zip(correct_EN, confidence_EN, strict=True)
    ]
    ends = [_intervals(found, len(runs)) for found in bins]
    return Calibration(
        confidence_EB=tuple(tuple(found.confidence_B.tolist()) for found in bins),
        accuracy_EB=tuple(tuple(found.accuracy_B.tolist()) for found in bins),
        low_EB=tuple(tuple(low for low, _ in of_exit) for of_exit in ends),
        high_EB=tuple(tuple(high for _, high in of_exit) for of_exit in ends),
        count_EB=tuple(tuple((found.count_B / len(runs)).tolist()) for found in bins),
        error_E=mean_over_runs(
            [calibration_error(run.correct_EN, sure_EN) for run, sure_EN in zip(runs, of_runs, strict=True)]
        ),
    )


def _without_empty(found: Reliability) -> Reliability:
    filled_B = found.count_B > 0
    return Reliability(found.count_B[filled_B], found.confidence_B[filled_B], found.accuracy_B[filled_B])


def _intervals(found: Reliability, runs: int) -> list[tuple[float, float]]:
    samples_B = np.maximum(np.rint(found.count_B / runs), 1).astype(int)
    right_B = np.rint(found.accuracy_B * samples_B).astype(int)
    return [accuracy_interval(right, count) for right, count in zip(right_B.tolist(), samples_B.tolist(), strict=True)]


def draw_calibration(info: Calibration) -> go.Figure:
    """Draw accuracy against confidence, with how many samples have it below; on the dashed diagonal both are equal.

    Bins of few samples are hollow points that no curve goes through.
    """
    figure = empty_figure("confidence (max-softmax, %)", "accuracy (%)")
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        name="calibrated: accuracy = confidence",
        mode="lines",
        line={"color": GREY, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
    )
    colours = exit_colours(len(info.error_E))
    for place, (name, colour) in enumerate(zip(exit_names(len(colours)), colours, strict=True)):
        _add_exit(figure, info, place, name, colour)
    samples = {"title": {"text": "samples", "font": {"size": 13}}, "domain": [0, 0.2], "rangemode": "tozero"}
    figure.update_layout(height=520, yaxis_domain=[0.3, 1], yaxis2={**samples, "gridcolor": GRID}, xaxis_anchor="y2")
    return figure


def _add_exit(figure: go.Figure, info: Calibration, place: int, name: str, colour: str) -> None:
    sure, counts = percent(info.confidence_EB[place]), info.count_EB[place]
    many = [count >= FEW for count in counts]
    joined = _accuracies(info, place, name, colour, many)
    figure.add_scatter(**joined, name=f"{name}, ECE {100 * info.error_E[place]:.1f}%", mode="lines+markers")
    if not all(many):
        hollow = _accuracies(info, place, name, colour, [not it_is for it_is in many])
        figure.add_scatter(**hollow, mode="markers", marker_symbol="circle-open", showlegend=False)
    figure.add_scatter(
        x=sure,
        y=counts,
        yaxis="y2",
        legendgroup=name,
        showlegend=False,
        mode="lines+markers",
        line={"color": colour, "width": 1.5},
        marker={"size": 4},
        hovertemplate=name + ": %{y:,.0f} samples at %{x:.1f}% confidence<extra></extra>",
    )


def _accuracies(info: Calibration, place: int, name: str, colour: str, shown: Sequence[bool]) -> dict[str, Any]:
    """Return plotly's fields of an exit's accuracies in some bins; others are gaps."""
    ends, right = Ends(info.low_EB[place], info.high_EB[place]), percent(info.accuracy_EB[place])
    return {
        "x": percent(info.confidence_EB[place]),
        "y": [value if is_shown else None for value, is_shown in zip(right, shown, strict=True)],
        "error_y": {**error_bars(info.accuracy_EB[place], ends), "thickness": 1, "width": 2, "color": colour},
        "legendgroup": name,
        "line": {"color": colour, "width": 2},
        "customdata": info.count_EB[place],
        "hovertemplate": name + ": %{y:.1f}% right at %{x:.1f}% confidence, %{customdata:,.0f} samples<extra></extra>",
    }


class ConfidenceRanks(NamedTuple):
    """How exits 1 and 2 rank samples by confidence (thesis figure 3.10), and how well all neighbours agree."""

    first_M: tuple[float, ...]
    second_M: tuple[float, ...]
    """Ranks of some samples of the first run, evenly picked, from 0 (least confident) to 1."""
    correlation_P: tuple[float, ...]
    """Spearman's, of exits 1 and 2, of 2 and 3, and so on; mean over runs."""


def ranks_of_first_exits(runs: Sequence[Predictions]) -> ConfidenceRanks:
    """Return ranks and rank correlations; needs two exits and two samples."""
    of_runs = [needed(run.max_softmax_EN, "confidence") for run in runs]
    ranks_EN = confidence_ranks(of_runs[0])
    step = -(-ranks_EN.shape[1] // MOST_POINTS)
    correlations_RP = [rank_correlation(sure_EN).diagonal(offset=1) for sure_EN in of_runs]
    first_M, second_M = (tuple(ranks_EN[row, ::step].tolist()) for row in (0, 1))
    return ConfidenceRanks(first_M, second_M, mean_over_runs(correlations_RP))


def draw_ranks(info: ConfidenceRanks) -> go.Figure:
    """Draw each sample's rank by confidence at exit 1 against that at exit 2 (thesis figure 3.10)."""
    figure = empty_figure("rank by confidence at exit 1 (%)", "rank at exit 2 (%)")
    figure.add_scatter(
        x=percent(info.first_M),
        y=percent(info.second_M),
        mode="markers",
        marker={"color": ACCENT, "size": 4, "opacity": 0.45},
        showlegend=False,
        hovertemplate="exit 1: %{x:.0f}%, exit 2: %{y:.0f}%<extra></extra>",
    )
    pairs = ", ".join(f"{i}-{i + 1}: {value:.2f}" for i, value in enumerate(info.correlation_P, start=1))
    figure.add_annotation(
        text=f"Spearman's rank correlation of exits {pairs}",
        x=0,
        y=1.06,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": 12, "color": GREY},
    )
    return figure
