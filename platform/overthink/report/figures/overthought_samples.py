"""Which samples are overthought: by the confidence of exit 1, and by class."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from overthink.metrics.hindsight import confidence_tenths, rate_by_group
from overthink.metrics.overthinking import finally_overthought, overthought
from overthink.predictions.absent import needed
from overthink.predictions.arrays import FloatArray
from overthink.predictions.predictions import Predictions
from overthink.report.figures.over_runs import mean_over_runs
from overthink.report.figures.style import ACCENT, INK, SECOND, empty_figure, percent

CLASSES_SHOWN = 30


class OverthinkingByConfidence(NamedTuple):
    """Overthinking rates in each tenth of the samples, least confident first; an empty tenth is left out."""

    any_later_T: tuple[float, ...]
    final_T: tuple[float, ...]


def overthinking_by_confidence(runs: Sequence[Predictions]) -> OverthinkingByConfidence:
    """Return rates by tenth of exit 1's confidence, means over runs."""
    tenths = [confidence_tenths(needed(run.max_softmax_EN, "confidence")[0]) for run in runs]
    any_RT, final_RT = (
        [rate_by_group(flags(run.correct_EN), tenth_N, 10) for run, tenth_N in zip(runs, tenths, strict=True)]
        for flags in (overthought, finally_overthought)
    )
    return OverthinkingByConfidence(_without_empty(any_RT), _without_empty(final_RT))


def _without_empty(rates_RT: Sequence[FloatArray]) -> tuple[float, ...]:
    mean_T = np.mean(rates_RT, axis=0)
    return tuple(mean_T[~np.isnan(mean_T)].tolist())


def draw_overthinking_by_confidence(info: OverthinkingByConfidence) -> go.Figure:
    """Draw overthinking by the confidence of exit 1."""
    figure = empty_figure(
        "samples by confidence of exit 1, in tenths (10: the most confident)", "% of samples of the tenth"
    )
    for name, rates, colour in (("any later", info.any_later_T, ACCENT), ("final", info.final_T, SECOND)):
        figure.add_bar(
            x=list(range(1, len(rates) + 1)),
            y=percent(rates),
            name=f"overthinking, {name}",
            marker_color=colour,
            hovertemplate=name + ": %{y:.1f}%<extra></extra>",
        )
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(dtick=1)
    return figure


def overthinking_by_class(runs: Sequence[Predictions]) -> tuple[float, ...]:
    """Return the any-later rate of each class, means over runs; NaN for a class without samples."""
    labels = [needed(run.labels_N, "labels") for run in runs]
    n_classes = max(int(labels_N.max()) for labels_N in labels) + 1
    pairs = zip(runs, labels, strict=True)
    return mean_over_runs([rate_by_group(overthought(run.correct_EN), labels_N, n_classes) for run, labels_N in pairs])


def draw_overthinking_by_class(any_later_C: Sequence[float]) -> go.Figure:
    """Draw overthinking by class, the highest rate first; the first thirty classes where there are more."""
    figure = empty_figure("class", "% of samples of the class")
    rated = [(rate, number) for number, rate in enumerate(any_later_C) if not np.isnan(rate)]
    worst = sorted(rated, key=lambda pair: -pair[0])[:CLASSES_SHOWN]
    figure.add_bar(
        x=[str(number) for _, number in worst],
        y=percent([rate for rate, _ in worst]),
        marker={"color": ACCENT, "line": {"color": INK, "width": 0}},
        showlegend=False,
        hovertemplate="class %{x}: %{y:.1f}%<extra></extra>",
    )
    figure.update_xaxes(type="category")
    return figure
