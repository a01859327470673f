"""Figures that answer a study's question. `study.findings` has the numbers, as fractions; these functions draw them."""

from collections.abc import Sequence

import plotly.graph_objects as go

from overthink.predictions.absent import CostUnit
from overthink.report.figures.study import add_points
from overthink.report.figures.style import (
    ACCENT,
    GREY,
    INK,
    SECOND,
    cost_title,
    cost_word,
    empty_figure,
    on_axis,
    percent,
)
from overthink.study.ensemble import Ensembles
from overthink.study.findings import Findings
from overthink.study.transferred_oracle import TransferredOracle


def draw_ensemble_curves(found: Ensembles) -> go.Figure:
    """Draw overthinking of 1, 2, ... averaged trainings, and what any-later overthinking falls to."""
    figure = empty_figure("trainings averaged", "overthinking (% of test samples)")
    for name, colour, curve in (("any later", ACCENT, found.any_later), ("final", SECOND, found.final)):
        names = [str(size) for size in curve.sizes]
        add_points(figure, name, colour, names, curve.rates, "lines+markers")
        if curve.plateau is not None:
            add_points(figure, f"{name}, extrapolated", colour, ["many"], [curve.plateau], symbol="diamond-open")
    figure.update_layout(scattermode="group", scattergap=0.8)
    figure.update_xaxes(type="category")
    figure.update_yaxes(rangemode="tozero")
    return figure


def draw_oracle_transfer(found: TransferredOracle) -> go.Figure:
    """Draw accuracy over cost: an oracle in its own training, in another one, and leaving early by confidence."""
    figure = empty_figure(cost_title(found.unit, per_sample=True), "accuracy on test data (%)")
    cost = [at.cost for at in found.curve]
    _add_line(figure, "oracle of its own training", INK, cost, [at.oracle for at in found.curve], found.unit)
    _add_line(figure, "oracle of another training", ACCENT, cost, [at.transferred for at in found.curve], found.unit)
    budgets = [at.budget for at in found.curve]
    _add_line(figure, "by confidence", SECOND, budgets, [at.confidence for at in found.curve], found.unit)
    figure.add_hline(
        y=100 * found.last.value,
        line={"color": GREY, "dash": "dash"},
        annotation={"text": "last exit", "font": {"color": GREY}},
        annotation_position="bottom right",
    )
    return figure


def _add_line(
    figure: go.Figure,
    name: str,
    colour: str,
    cost: Sequence[float],
    accuracy: Sequence[float | None],
    unit: CostUnit,
) -> None:
    known = [(at, value) for at, value in zip(cost, accuracy, strict=True) if value is not None]
    figure.add_scatter(
        x=on_axis([at for at, _ in known], unit),
        y=percent([value for _, value in known]),
        name=name,
        mode="lines+markers",
        line={"color": colour, "width": 1.8},
        hovertemplate=f"{name}: %{{y:.2f}}% {cost_word(unit)}<extra></extra>",
    )


def draw_gains(found: Findings) -> go.Figure:
    """Draw what leaving the last exit gains where exits are chosen with and without the labels of the same training."""
    figure = empty_figure("exits chosen, sample by sample", "gain over the last exit (points)")
    transfer = found.oracle_transfer
    gains = {
        "by the training itself<br>(its oracle)": found.final.rate.mean,
        "by all trainings<br>together": found.cross_fitted.seen,
        f"by {found.cross_fitted.chosen_on} of the<br>other trainings": found.cross_fitted.gain,
        "by another training<br>(its oracle)": transfer.over_last,
    }
    add_points(figure, "gain", INK, list(gains), list(gains.values()))
    figure.add_hline(y=0, line={"color": GREY, "width": 1})
    figure.update_layout(showlegend=False)
    return figure


def draw_shares(found: Findings) -> go.Figure:
    """Draw the sample's share of the variance of overthinking beside that of plain errors and of composed networks."""
    figure = empty_figure("of what", "sample's share of the variance (%)")
    errors = {f"errors, exit {number}": share for number, share in enumerate(found.error_share_E, start=1)}
    of_overthinking = {
        "any later": found.any_later.split.sample_share,
        "final": found.final.split.sample_share,
        "final, composed": found.composed.sample_share if found.composed else None,
    }
    for name, colour, shares in (("plain errors", GREY, errors), ("overthinking", ACCENT, of_overthinking)):
        known = {of: share for of, share in shares.items() if share is not None}
        add_points(figure, name, colour, list(known), list(known.values()))
    figure.update_yaxes(range=[0, 104])
    return figure


def draw_independent_samples(found: Findings) -> go.Figure:
    """Draw the variance of rates over trainings relative to that of independent samples."""
    figure = empty_figure("rate", "variance relative to independent samples")
    ratios = {
        "any later": found.any_later.independent,
        "final": found.final.independent,
        "error, last exit": found.error_independent,
    }
    known = {of: ratio for of, ratio in ratios.items() if ratio is not None}
    add_points(figure, "ratio", INK, list(known), list(known.values()), factor=1)
    figure.add_hline(y=1, line={"color": GREY, "dash": "dash"})
    figure.update_layout(showlegend=False)
    figure.update_yaxes(type="log")
    return figure
