"""The pages of figures that are stored with a run and with a group."""

from collections.abc import Sequence

from overthink.predictions.predictions import Predictions
from overthink.report.figures.cost_accuracy import cost_accuracy, draw_cost_accuracy
from overthink.report.figures.equal_axes import set_equal_axes
from overthink.report.figures.learning_curves import draw_accuracies, draw_losses, learning_curves
from overthink.report.figures.overthinking import (
    draw_overthinking_by_level,
    draw_overthinking_by_pair,
    overthinking_by_level,
    overthinking_by_pair,
)
from overthink.report.pages import Captioned, page
from overthink.training.epoch_record import EpochRecord

BOUNDS = (
    "The oracle sends each sample to the cheapest exit that is right, and runs nothing where none is; the realistic "
    "upper bound sends such samples to the last exit (thesis figure 3.7)."
)
SPREAD = "Bars: 95% interval of the mean over seeds. ±: one standard deviation over seeds."
"""In `prediction_figures` of several runs."""


def run_page(title: str, predictions: Predictions, records: Sequence[EpochRecord]) -> str:
    """Return the page of one run: figures of its test predictions and of its training."""
    figures = [*prediction_figures([predictions]), *learning_figures(records)]
    return page(title, f"One run, on test data. {BOUNDS}", figures)


def group_page(title: str, runs: Sequence[Predictions]) -> str:
    """Return the page of a group: means over the test predictions of its runs."""
    count = "1 run" if len(runs) == 1 else f"{len(runs)} runs with different seeds"
    spread = f" {SPREAD}" if len(runs) > 1 else ""
    said = f"Means over {count}, on test data.{spread} {BOUNDS}"
    return page(f"{title} (n = {len(runs)})", said, prediction_figures(runs))


def with_equal_axes(pages: Sequence[Sequence[Captioned]]) -> None:
    """Give figures of several groups, `prediction_figures` each, the same accuracies and colours by caption."""
    for alike in zip(*pages, strict=True):
        set_equal_axes([captioned.figure for captioned in alike])


def prediction_figures(runs: Sequence[Predictions]) -> list[Captioned]:
    """Return the figures of both pages that test predictions alone can show."""
    return [
        Captioned("Accuracy of each exit against its cost", draw_cost_accuracy(cost_accuracy(runs)), wide=True),
        Captioned(
            "Overthinking by pair of exits: right at one, wrong at a later one",
            draw_overthinking_by_pair(overthinking_by_pair(runs)),
        ),
        Captioned(
            "Overthinking and accuracy of the last exit by difficulty",
            draw_overthinking_by_level(overthinking_by_level(runs)),
        ),
    ]


def learning_figures(records: Sequence[EpochRecord]) -> list[Captioned]:
    """Return the figures of a run's epochs; none where there are no epochs."""
    if not records:
        return []
    curves = learning_curves(records)
    return [
        Captioned("Loss over epochs: validation solid, training dashed", draw_losses(curves)),
        Captioned("Accuracy over epochs: validation solid, training dashed", draw_accuracies(curves)),
    ]
