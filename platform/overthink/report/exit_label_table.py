"""Numbers of samples by exit label, of all samples and of each difficulty level."""

from collections.abc import Mapping, Sequence
from math import isnan

import numpy as np

from overthink.policy.ceiling_metrics import compute_ceiling
from overthink.policy.exit_labels import ExitLabels, balance, best_balance
from overthink.policy.noise_ceiling import NoiseCeiling
from overthink.policy.verdict import trainings_of
from overthink.predictions.predictions import Predictions
from overthink.report.grids import Grid
from overthink.report.undetermined import ND, SENTENCE, ends, meanings_of
from overthink.statistics.jackknife import Interval

LAMBDAS = np.geomspace(0.1, 1000, 201)
"""Values of lambda among which the best balance is searched."""
ALL = "all"
CEILING = (
    "Noise ceiling: % of labels that labels of other trainings get right. Another "
    "training: mean over pairs. Majority of others: of all trainings but the one whose labels it predicts. Best "
    "constant: the most frequent label, on the same samples as the majority."
)

SIGNS = {"[": "[95% intervals over trainings].", ND: SENTENCE}


def most_balanced(trainings: Sequence[Predictions], exits: tuple[int, ...] | None) -> tuple[float, float]:
    """Return the lambda whose labels are most balanced, and that balance (1: a uniform distribution)."""
    return best_balance(trainings, LAMBDAS, exits)


def label_counts(predictions: Predictions, found: ExitLabels) -> dict[str, list[int]]:
    """Return the number of samples of each label: of all samples, and of each level where there are levels."""
    levels_M = predictions.levels_N[found.rows_M]
    by_level = {
        level: np.bincount(found.label_M[levels_M == number], minlength=len(found.exits)).tolist()
        for number, level in enumerate(predictions.level_names)
    }
    return {ALL: found.count_C.tolist(), **by_level}


def exit_label_grid(predictions: Predictions, by_rule: Mapping[str, ExitLabels]) -> Grid:
    """Return the table of label counts; `by_rule` maps a lambda, or `first`, to labels of the same exits."""
    exits = next(iter(by_rule.values())).exits
    rows = []
    for rule, found in by_rule.items():
        for part, counts in label_counts(predictions, found).items():
            whole = part == ALL
            left_out, balanced = (str(found.n_left_out), f"{balance(found.count_C):.3f}") if whole else ("", "")
            rows.append([rule if whole else "", part, *map(str, counts), left_out, balanced])
    return Grid(("Lambda", "Samples", *(f"Exit {number}" for number in exits), "No exit", "Balance"), rows, words=2)


def ceiling_grid(by_rule: Mapping[str, NoiseCeiling], n_samples: int) -> Grid:
    """Return the table of noise ceilings; `by_rule` maps a lambda, or `first`, to a ceiling that is known."""
    rows = []
    for rule, found in by_rule.items():
        assert found.another is not None
        assert found.kappa is not None
        assert found.majority is not None
        assert found.excess is not None
        rows.append(
            [
                rule,
                _percent(found.another.accuracy),
                "-" if isnan(found.kappa.value) else f"{found.kappa.value:.2f}",
                _percent(found.majority.accuracy),
                f"{100 * found.majority.constant:.1f}",
                _percent(found.excess, "+"),
            ]
        )
    titles = ("Lambda", "Another training", "Kappa", "Majority of others", "Best constant", "Majority minus constant")
    trainings = trainings_of(compute_ceiling(next(iter(by_rule.values()))))
    said = f"{CEILING} From {trainings}, on {n_samples} samples that all of them have."
    return Grid(titles, rows, " ".join((said, *meanings_of(rows, SIGNS))))


def _percent(found: Interval, sign: str = "") -> str:
    if found.low is None or found.high is None:
        return f"{100 * found.value:{sign}.1f}"
    return f"{100 * found.value:{sign}.1f} {ends(found.low, found.high, f'{sign}.1f', span=2 if sign else 1)}"
