"""The page of an analysis of stored predictions: of one run, or of a group as means over seeds."""

from collections.abc import Sequence

from overthink.predictions.absent import IN_WORDS
from overthink.predictions.absent import Known as Part
from overthink.predictions.predictions import Predictions
from overthink.report.figures.budget_curves import (
    Pair,
    budget_curves,
    draw_budget_curves,
    draw_exits_taken,
    draw_recovered,
)
from overthink.report.figures.confidence import FEW, calibration, draw_calibration, draw_ranks, ranks_of_first_exits
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
from overthink.sentences import listed

Known = tuple[Predictions | None, Predictions]
"""Validation, where there is such, and test predictions of a run."""

INTRO = (
    "Thresholds are chosen on validation data by Algorithm 1 of the thesis and applied to test data. The best choice "
    "of exits knows the labels and spends each budget perfectly. The oracle runs nothing where no exit is right; the "
    "realistic upper bound sends such samples to the last exit (thesis figure 3.7)."
)


CALIBRATION = f"Calibration: accuracy against confidence. Hollow: fewer than {FEW} samples"
NO_BUDGETS = (
    "Left out, since thresholds are chosen on validation data, by confidence and cost: budgeted batch classification. "
    "Not known of these runs: {}."
)


def analysis_page(title: str, runs: Sequence[Known]) -> str:
    """Return the page for validation and test predictions of one run, or of several with different seeds."""
    runs_shown = "One run." if len(runs) == 1 else f"Means over {len(runs)} runs with different seeds."
    missing = _missing_for_budgets(runs)
    said = NO_BUDGETS.format(listed(missing)) if missing else INTRO
    return page(title, f"{runs_shown} {said}", analysis_figures(runs))


def analysis_figures(runs: Sequence[Known]) -> list[Captioned]:
    """Return the figures of the page, as far as the runs have what they show."""
    pairs = [(validation, test) for validation, test in runs if validation is not None]
    budgets = [] if _missing_for_budgets(runs) else _budget_figures(pairs)
    return [*budgets, *_in_depth([test for _, test in runs])]


def _missing_for_budgets(runs: Sequence[Known]) -> list[str]:
    """Return in words what budgeted batch classification needs and some of the runs do not have."""
    splits = [one for pair in runs for one in pair if one is not None]
    missing = [IN_WORDS[part] for part in _missing(splits, "confidence", "costs")]
    return missing if all(validation is not None for validation, _ in runs) else ["validation predictions", *missing]


def _missing(splits: Sequence[Predictions], *needed: Part) -> list[Part]:
    return [part for part in needed if any(part in one.absent for one in splits)]


def _budget_figures(pairs: Sequence[Pair]) -> list[Captioned]:
    curves = budget_curves(pairs)
    figures = [
        Captioned("Budgeted batch and anytime prediction", draw_budget_curves(curves), wide=True),
        Captioned("Exits at which samples leave as the budget grows", draw_exits_taken(curves)),
    ]
    if curves.recovered_P:
        figures.append(Captioned("Overthinking avoided by leaving early", draw_recovered(curves)))
    return figures


def _in_depth(runs: Sequence[Predictions]) -> list[Captioned]:
    figures, is_sure = [], not _missing(runs, "confidence")
    if is_sure:
        by_confidence = draw_overthinking_by_confidence(overthinking_by_confidence(runs))
        figures += [
            Captioned(CALIBRATION, draw_calibration(calibration(runs))),
            Captioned("Overthinking by confidence of exit 1", by_confidence),
        ]
    if not _missing(runs, "labels"):
        by_class = draw_overthinking_by_class(overthinking_by_class(runs))
        figures.append(Captioned("Overthinking by class (any later)", by_class))
    if runs[0].n_exits > 1 and all(len(run.ids_N) > 1 for run in runs):
        later = draw_accuracy_where_earlier_is_right(accuracy_where_earlier_is_right(runs))
        figures.append(Captioned("Accuracy of later exits on samples that an earlier exit gets right", later))
        if is_sure:
            ranks = draw_ranks(ranks_of_first_exits(runs))
            figures.append(Captioned("Confidence ranks of exits 1 and 2 (thesis figure 3.10)", ranks))
    return figures
