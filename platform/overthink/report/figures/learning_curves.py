"""Loss and accuracy of each exit over the epochs of a run."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import plotly.graph_objects as go

from overthink.report.figures.over_runs import Rows
from overthink.report.figures.style import GREY, INK, PALE, empty_figure, exit_colours, percent
from overthink.training.epoch_record import EpochRecord

FEW_EPOCHS = 10


class LearningCurves(NamedTuple):
    """Loss and accuracy over the epochs of one run."""

    epochs: tuple[int, ...]
    train_loss: tuple[float, ...]
    """The minimised loss, divided by the number of exits: with weights of 1 the mean of the exits' losses, in nats, so
    that it has the scale of each exit's."""
    val_loss: Rows
    """A row for each exit, in nats."""
    train_accuracy: Rows
    val_accuracy: Rows
    lr_drops: dict[int, float]
    """Epoch -> learning rate from then on, where it falls within a phase."""
    phase_starts: dict[int, int]
    """First epoch -> phase, of phases after the first."""


def learning_curves(records: Sequence[EpochRecord]) -> LearningCurves:
    """Return the curves of a run's epoch records."""
    steps = list(pairwise(records))
    return LearningCurves(
        epochs=tuple(record.epoch for record in records),
        train_loss=tuple(record.train_loss / len(record.val_loss) for record in records),
        val_loss=tuple(zip(*(record.val_loss for record in records), strict=True)),
        train_accuracy=tuple(zip(*(record.train_accuracy for record in records), strict=True)),
        val_accuracy=tuple(zip(*(record.val_accuracy for record in records), strict=True)),
        lr_drops={
            after.epoch: after.lr for before, after in steps if after.phase == before.phase and after.lr < before.lr
        },
        phase_starts={after.epoch: after.phase for before, after in steps if after.phase != before.phase},
    )


def draw_losses(info: LearningCurves) -> go.Figure:
    """Draw the validation loss of each exit over the epochs, and the minimised loss dashed."""
    figure = _over_epochs(info, "loss (nats)")
    for row, colour in enumerate(exit_colours(len(info.val_loss))):
        _add_curve(figure, info.epochs, info.val_loss[row], f"exit {row + 1}", {"color": colour, "width": 2})
    dashed = {"color": INK, "width": 1.6, "dash": "dash"}
    _add_curve(figure, info.epochs, info.train_loss, "training mean", dashed)
    _mark_changes(figure, info)
    return figure


def draw_accuracies(info: LearningCurves) -> go.Figure:
    """Draw the accuracy of each exit over the epochs: validation solid, training dashed."""
    figure = _over_epochs(info, "accuracy (%)")
    for row, colour in enumerate(exit_colours(len(info.val_accuracy))):
        solid, dashed = {"color": colour, "width": 2}, {"color": colour, "width": 1.3, "dash": "dash"}
        name = f"exit {row + 1}"
        _add_curve(figure, info.epochs, percent(info.val_accuracy[row]), name, solid, group=name)
        trained = f"{name}, training"
        _add_curve(figure, info.epochs, percent(info.train_accuracy[row]), trained, dashed, group=name)
        figure.data[-1].showlegend = False
    _mark_changes(figure, info)
    return figure


def _over_epochs(info: LearningCurves, y_title: str) -> go.Figure:
    figure = empty_figure("epoch", y_title)
    if len(info.epochs) <= FEW_EPOCHS:
        figure.update_xaxes(dtick=1)  # by itself plotly also marks half epochs
    return figure


def _add_curve(
    figure: go.Figure,
    epochs: Sequence[int],
    values: Sequence[float],
    name: str,
    line: dict[str, object],
    group: str | None = None,
) -> None:
    figure.add_scatter(
        x=epochs,
        y=values,
        name=name,
        mode="lines" if len(epochs) > 1 else "markers",
        line=line,
        marker={"color": line["color"]},
        legendgroup=group,
        hovertemplate="%{fullData.name}: %{y:.3~g} after epoch %{x}<extra></extra>",
    )


def _mark_changes(figure: go.Figure, info: LearningCurves) -> None:
    drops = [(epoch, f"lr {lr:g}", PALE) for epoch, lr in info.lr_drops.items()]
    phases = [(epoch, f"phase {phase}", GREY) for epoch, phase in info.phase_starts.items()]
    for epoch, label, colour in drops + phases:
        figure.add_vline(
            x=epoch - 0.5,
            line={"color": colour, "width": 1.5},
            annotation={"text": label, "font": {"size": 11, "color": GREY}},
            annotation_position="top",
        )
    if drops or phases:
        figure.update_layout(legend_y=1.08)  # above their labels
