"""The pages of figures that are stored with a run and with a group."""

from collections.abc import Mapping, Sequence
from typing import Any

from overthink.predictions.predictions import Predictions
from overthink.report.drawing import draw_accuracies, draw_cost_accuracy, draw_levels, draw_losses, draw_pairs
from overthink.report.figures import cost_accuracy, history, levels, pairs
from overthink.report.pages import Captioned, page

BOUNDS = (
    "An oracle sends each sample to the cheapest exit that is right, and does nothing where none is; the realistic "
    "upper bound sends such samples to the last exit (thesis figure 3.7)."
)


def run_page(title: str, predictions: Predictions, records: Sequence[Mapping[str, Any]]) -> str:
    """Return the page of one run: its test predictions, and how it got there."""
    curves = history(records)
    learning = [
        Captioned("Loss over epochs: validation solid, training dashed", draw_losses(curves)),
        Captioned("Accuracy over epochs: validation solid, training dashed", draw_accuracies(curves)),
    ]
    return page(title, f"One run, on test data. {BOUNDS}", [*prediction_figures([predictions]), *learning])


def group_page(title: str, runs: Sequence[Predictions]) -> str:
    """Return the page of a group: means over the test predictions of its runs."""
    count = "1 run" if len(runs) == 1 else f"{len(runs)} runs with different seeds, ± one standard deviation"
    return page(f"{title} (n = {len(runs)})", f"Means over {count}, on test data. {BOUNDS}", prediction_figures(runs))


def prediction_figures(runs: Sequence[Predictions]) -> list[Captioned]:
    """Return the figures of both pages that test predictions alone can show."""
    return [
        Captioned("Accuracy of each exit against what it costs", draw_cost_accuracy(cost_accuracy(runs)), wide=True),
        Captioned("Overthinking by pair of exits: right at one, wrong at a later one", draw_pairs(pairs(runs))),
        Captioned("Overthinking and accuracy of the last exit by difficulty", draw_levels(levels(runs))),
    ]
