"""The page of an analysis of stored predictions: of one run, or of a group as means over seeds."""

from collections.abc import Sequence

from overthink.predictions.predictions import Predictions
from overthink.report.figures.budget_curves import (
    Pair,
    budget_curves,
    draw_budget_curves,
    draw_exits_taken,
    draw_recovered,
)
from overthink.report.figures.confidence import calibration, draw_calibration, draw_ranks, ranks_of_first_exits
from overthink.report.figures.overthinking import (
    accuracy_where_earlier_is_right,
    draw_accuracy_where_earlier_is_right,
)
from overthink.report.figures.overthought_samples import (
    draw_overthinking_by_class,
    draw_overthinking_by_confidence,
    overthinking_by_class,
    overthinking_by_confidence,
)
from overthink.report.pages import Captioned, page

INTRO = (
    "Thresholds are chosen on validation data by Algorithm 1 of the thesis and applied to test data. The best choice "
    "of exits knows the labels and spends each budget perfectly. The oracle runs nothing where no exit is right; the "
    "realistic upper bound sends such samples to the last exit (thesis figure 3.7)."
)


def analysis_page(title: str, runs: Sequence[Pair]) -> str:
    """Return the page for validation and test predictions of one run, or of several with different seeds."""
    runs_shown = "One run." if len(runs) == 1 else f"Means over {len(runs)} runs with different seeds."
    return page(title, f"{runs_shown} {INTRO}", analysis_figures(runs))


def analysis_figures(runs: Sequence[Pair]) -> list[Captioned]:
    """Return the figures of the page."""
    curves = budget_curves(runs)
    figures = [
        Captioned("Budgeted batch and anytime prediction", draw_budget_curves(curves), wide=True),
        Captioned("Exits at which samples leave as the budget grows", draw_exits_taken(curves)),
    ]
    if curves.recovered_P:
        figures.append(Captioned("Overthinking avoided by leaving early", draw_recovered(curves)))
    return [*figures, *_in_depth([test for _, test in runs])]


def _in_depth(runs: Sequence[Predictions]) -> list[Captioned]:
    by_confidence = draw_overthinking_by_confidence(overthinking_by_confidence(runs))
    figures = [
        Captioned("Calibration: accuracy against confidence", draw_calibration(calibration(runs))),
        Captioned("Overthinking by confidence of exit 1", by_confidence),
        Captioned("Overthinking by class (any later)", draw_overthinking_by_class(overthinking_by_class(runs))),
    ]
    if runs[0].n_exits > 1 and all(len(run.ids_N) > 1 for run in runs):
        later = draw_accuracy_where_earlier_is_right(accuracy_where_earlier_is_right(runs))
        ranks = draw_ranks(ranks_of_first_exits(runs))
        figures += [
            Captioned("Accuracy of later exits on samples that an earlier exit gets right", later),
            Captioned("Confidence ranks of exits 1 and 2 (thesis figure 3.10)", ranks),
        ]
    return figures
