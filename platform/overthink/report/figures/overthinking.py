"""Overthinking by pair of exits and by difficulty level, and what later exits make of what an earlier one has right.

Every function takes the predictions of one run or of several seeds, and gives means over runs. Rates are fractions.
Raises ValueError where runs differ in split, cost or levels.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from overthink.metrics.hindsight import kept_right
from overthink.metrics.overthinking import final_overthinking_rate, overthinking_pairs, overthinking_rate
from overthink.predictions.arrays import BoolArray
from overthink.predictions.predictions import Predictions
from overthink.report.figures.over_runs import Rows, as_rows, check_comparable
from overthink.report.figures.style import ACCENT, PALE, SECOND, add_exit_pairs, empty_figure, escaped, percent


class OverthinkingByPair(NamedTuple):
    """Share of samples that exit i (down) gets right and a later exit j (across) wrong; 0 where j is not later."""

    share_EE: Rows
    deviation_EE: Rows | None
    """Standard deviation over runs; None for one run."""


def overthinking_by_pair(runs: Sequence[Predictions]) -> OverthinkingByPair:
    """Return overthinking for each pair of exits."""
    check_comparable(runs)
    share_REE = np.array([overthinking_pairs(run.correct_EN) for run in runs])
    deviation_EE = as_rows(share_REE.std(axis=0, ddof=1)) if len(runs) > 1 else None
    return OverthinkingByPair(as_rows(share_REE.mean(axis=0)), deviation_EE)


def draw_overthinking_by_pair(info: OverthinkingByPair) -> go.Figure:
    """Draw overthinking for each pair of exits as a heat map, with its deviation over runs where there is one."""
    figure = empty_figure("wrong at exit", "right at exit")
    deviations = info.deviation_EE and [
        [f"<br>± {100 * value:.1f}" if j > i else "" for j, value in enumerate(row)]
        for i, row in enumerate(info.deviation_EE)
    ]
    add_exit_pairs(
        figure,
        info.share_EE,
        ACCENT,
        zmin=0,
        zmax=100 * max(map(max, info.share_EE)) or 1,
        text=deviations,
        texttemplate="%{z:.1f}%{text}" if deviations else "%{z:.1f}",
        hovertemplate="right at exit %{y}, wrong at exit %{x}: %{z:.2f}% of samples<extra></extra>",
    )
    return figure


class OverthinkingByLevel(NamedTuple):
    """Overthinking and accuracy of the last exit, by level."""

    names: tuple[str, ...]
    """Levels that have samples; `all` where the data set has no levels."""
    any_later: tuple[float, ...]
    final: tuple[float, ...]
    last_accuracy: tuple[float, ...]


def overthinking_by_level(runs: Sequence[Predictions]) -> OverthinkingByLevel:
    """Return the rates of each level; of all samples together where the data set has no levels."""
    check_comparable(runs)
    parts = {
        name: [run.correct_EN[:, run.levels_N == level] for run in runs]
        for level, name in enumerate(runs[0].level_names or ("all",))
    }
    there = {name: part for name, part in parts.items() if all(correct_EN.size for correct_EN in part)}

    def mean(rate: Callable[[BoolArray], float]) -> tuple[float, ...]:
        return tuple(float(np.mean([rate(correct_EN) for correct_EN in part])) for part in there.values())

    return OverthinkingByLevel(
        names=tuple(there),
        any_later=mean(overthinking_rate),
        final=mean(final_overthinking_rate),
        last_accuracy=mean(lambda correct_EN: float(correct_EN[-1].mean())),
    )


def draw_overthinking_by_level(info: OverthinkingByLevel) -> go.Figure:
    """Draw overthinking beside the accuracy of the last exit, level by level."""
    figure = empty_figure("difficulty", "% of samples of the level")
    bars = (("last exit right", info.last_accuracy, PALE), ("overthinking, any later", info.any_later, ACCENT))
    for name, rates, colour in (*bars, ("overthinking, final", info.final, SECOND)):
        figure.add_bar(
            x=[escaped(level) for level in info.names],
            y=percent(rates),
            name=name,
            marker_color=colour,
            texttemplate="%{y:.1f}",
            textposition="outside",
            hovertemplate=name + ": %{y:.2f}% of %{x} samples<extra></extra>",
        )
    figure.update_layout(barmode="group", bargap=0.3)
    figure.update_yaxes(range=[0, 109])
    return figure


def accuracy_where_earlier_is_right(runs: Sequence[Predictions]) -> Rows:
    """Return the accuracy of exit j (across) on the samples that exit i (down) has right; 0 where there is none."""
    return as_rows(np.mean([np.nan_to_num(kept_right(run.correct_EN)) for run in runs], axis=0))


def draw_accuracy_where_earlier_is_right(accuracy_EE: Rows) -> go.Figure:
    """Draw the accuracy of later exits on what an earlier one has right as a heat map."""
    figure = empty_figure("accuracy of exit", "on samples that this exit gets right")
    add_exit_pairs(
        figure,
        accuracy_EE,
        SECOND,
        texttemplate="%{z:.1f}",
        hovertemplate="exit %{x} has %{z:.1f}% of them right<extra></extra>",
    )
    return figure
