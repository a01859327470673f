"""Labels of an early-exit data set D_ee: how often each occurs, is recognised, and is taken for another.

Every function takes the evidence of one run, or of several seeds, and gives means over runs.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from overthink.policy.evidence import Answers, Evidence
from overthink.policy.scores import confusion
from overthink.predictions.arrays import BoolArray
from overthink.report.figures.over_runs import Rows, as_rows
from overthink.report.figures.style import (
    ACCENT,
    GREY,
    INK,
    PALE,
    SECOND,
    add_heat_map,
    empty_figure,
    escaped,
    exit_names,
    percent,
)

LEVEL_COLOURS = (PALE, SECOND, ACCENT, GREY, INK)


class ByLabel(NamedTuple):
    """A fraction for each difficulty level and label of D_ee's test set (thesis figures 4.5 to 4.10)."""

    exits: tuple[int, ...]
    levels: tuple[str, ...]
    """`all` where samples have no levels."""
    value_LC: Rows
    """NaN where a label has no sample of a level."""


def label_shares(runs: Sequence[Evidence]) -> ByLabel:
    """Return the share of the samples that has each label, by level."""
    return _by_label(runs, lambda a, labelled_N, level_N: float((labelled_N & level_N).sum() / len(a.label_N)))


def label_recall(runs: Sequence[Evidence]) -> ByLabel:
    """Return how often each label is recognised, by level."""

    def recall(a: Answers, labelled_N: BoolArray, level_N: BoolArray) -> float:
        both_N = labelled_N & level_N
        return float(a.right_N[both_N].mean()) if both_N.any() else np.nan

    return _by_label(runs, recall)


def _by_label(runs: Sequence[Evidence], number: Callable[[Answers, BoolArray, BoolArray], float]) -> ByLabel:
    answers = [run.answers for run in runs]
    levels = answers[0].level_names or ("all",)
    values_RLC = [
        [[number(a, a.label_N == c, a.levels_N == level) for c in range(len(a.exits))] for level in range(len(levels))]
        for a in answers
    ]
    with np.errstate(invalid="ignore"):
        return ByLabel(answers[0].exits, levels, as_rows(np.mean(np.array(values_RLC), axis=0)))


def draw_label_shares(info: ByLabel) -> go.Figure:
    """Draw how many samples have each label, levels stacked (thesis figures 4.5, 4.7 and 4.9)."""
    figure = _bars(info, "test samples with this label (%)")
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    return figure


def draw_label_recall(info: ByLabel) -> go.Figure:
    """Draw how often each label is recognised, level by level (thesis figures 4.6, 4.8 and 4.10)."""
    figure = _bars(info, "samples sent to the right exit (%)")
    chance = 100 / len(info.exits)
    figure.add_hline(y=chance, line={"color": GREY, "dash": "dash", "width": 1.5})
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_yaxes(range=[0, 104])
    return figure


def _bars(info: ByLabel, title: str) -> go.Figure:
    figure = empty_figure("label: the exit that a sample should leave at", title)
    for number, (level, values) in enumerate(zip(info.levels, info.value_LC, strict=True)):
        figure.add_bar(
            x=exit_names(info.exits),
            y=percent(values),
            name=escaped(level),
            marker_color=LEVEL_COLOURS[number % len(LEVEL_COLOURS)],
            showlegend=info.levels != ("all",),
            hovertemplate="%{x}: %{y:.1f}%<extra></extra>",
        )
    return figure


class LabelConfusion(NamedTuple):
    """Share of each label's samples (down) that gets each answer (across)."""

    exits: tuple[int, ...]
    share_CC: Rows


def label_confusion(runs: Sequence[Evidence]) -> LabelConfusion:
    """Return the confusion matrix over the samples of all runs; rows add up to 1, or are 0 for an empty label."""
    exits = runs[0].exits
    count_CC = np.sum([confusion(r.answers.label_N, r.answers.predicted_N, len(exits)) for r in runs], axis=0)
    return LabelConfusion(exits, as_rows(count_CC / count_CC.sum(axis=1, keepdims=True).clip(min=1)))


def draw_label_confusion(info: LabelConfusion) -> go.Figure:
    """Draw the answers for each label as a heat map."""
    figure = empty_figure("answer of the policy network", "label")
    add_heat_map(
        figure,
        [percent(row) for row in info.share_CC],
        exit_names(info.exits),
        ACCENT,
        zmin=0,
        zmax=100,
        texttemplate="%{z:.0f}",
        hovertemplate="label %{y}, answer %{x}: %{z:.1f}% of the label's samples<extra></extra>",
    )
    return figure
