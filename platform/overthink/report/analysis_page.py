"""The page of what stored predictions say in depth: of one run, or of a group as means over seeds."""

from collections.abc import Sequence

from overthink.predictions.predictions import Predictions
from overthink.report.budget_drawing import draw_budget_curves, draw_exits_taken, draw_recovered
from overthink.report.budget_figures import Pair, budget_curves
from overthink.report.depth_drawing import (
    draw_by_class,
    draw_by_confidence,
    draw_calibration,
    draw_kept,
    draw_ranks,
)
from overthink.report.depth_figures import calibration, kept, ranks, who_overthinks
from overthink.report.pages import Captioned, page

INTRO = (
    "Thresholds are chosen on validation data by Algorithm 1 of the thesis and applied to test data. The best choice "
    "of exits knows the labels and spends each budget perfectly; the oracle does nothing where no exit is right, the "
    "realistic upper bound sends such samples to the last exit (thesis figure 3.7)."
)


def analysis_page(title: str, runs: Sequence[Pair]) -> str:
    """Return the page for validation and test predictions of one run, or of several with different seeds."""
    said = "One run." if len(runs) == 1 else f"Means over {len(runs)} runs with different seeds."
    return page(title, f"{said} {INTRO}", analysis_figures(runs))


def analysis_figures(runs: Sequence[Pair]) -> list[Captioned]:
    """Return the figures of the page."""
    curves = budget_curves(runs)
    figures = [
        Captioned("Budgeted batch and anytime prediction", draw_budget_curves(curves), wide=True),
        Captioned("Where samples leave as the budget grows", draw_exits_taken(curves)),
    ]
    if curves.recovered_P:
        figures.append(Captioned("Overthinking that leaving early avoids", draw_recovered(curves)))
    return [*figures, *_in_depth([test for _, test in runs])]


def _in_depth(runs: Sequence[Predictions]) -> list[Captioned]:
    who = who_overthinks(runs)
    figures = [
        Captioned("Is an exit as often right as it is sure?", draw_calibration(calibration(runs))),
        Captioned("Who overthinks, by how sure exit 1 is", draw_by_confidence(who)),
        Captioned("Who overthinks, by class: any later", draw_by_class(who)),
    ]
    if runs[0].n_exits > 1 and all(len(run.ids_N) > 1 for run in runs):
        figures += [
            Captioned("What later exits make of what an earlier one has right", draw_kept(kept(runs))),
            Captioned("Confidence ranks of exits 1 and 2 (thesis figure 3.10)", draw_ranks(ranks(runs))),
        ]
    return figures
