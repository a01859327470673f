"""Numbers of samples by exit label, of all samples and of each difficulty level."""

from collections.abc import Mapping

import numpy as np

from overthink.policy.exit_labels import ExitLabels, balance, best_balance
from overthink.predictions.predictions import Predictions
from overthink.report.grids import Grid

LAMBDAS = np.geomspace(0.1, 1000, 201)
"""Values of lambda among which the best balance is searched."""
ALL = "all"


def most_balanced(predictions: Predictions, exits: tuple[int, ...] | None) -> tuple[float, float]:
    """Return the lambda whose labels are most balanced, and that balance (1: a uniform distribution)."""
    return best_balance(predictions, LAMBDAS, exits)


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
