"""Metrics of budgeted batch classification, which need thresholds from validation data, and their upper bound."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from overthink.inference.budget_oracle import budget_oracle
from overthink.inference.budgeted import (
    QUARTERS,
    BudgetedBatch,
    accuracy_at_shares,
    area_under_curve,
    budgeted_batch,
    lookup_table,
    recovered_at_shares,
)
from overthink.metrics.metric import Metric
from overthink.predictions.absent import needed
from overthink.predictions.common_samples import at_rows
from overthink.predictions.predictions import Predictions

SECTION = "thesis section 3.2.3, Algorithm 1, max-softmax"


@lru_cache(maxsize=1)  # several metrics are of one batch; predictions are compared by identity
def _batch(test: Predictions, validation: Predictions) -> BudgetedBatch:
    return budgeted_batch(lookup_table(validation), test)


def _held_out(p: Predictions) -> dict[str, float]:
    """Return accuracies by name, where thresholds of every second sample are tried on the others, both ways.

    Budgets that the thresholds of some half do not fit are left out, and all of them for a single sample.
    """
    rows_N = np.arange(len(p.ids_N))
    halves = [at_rows(p, rows_N[first::2]) for first in (0, 1) if first < len(rows_N)]
    found = [accuracy_at_shares(_batch(test, fitted)) for fitted, test in zip(halves, halves[::-1], strict=True)]
    shares = [share for share in QUARTERS if len(found) == 2 and all(share in of_half for of_half in found)]
    sizes = [len(half.ids_N) for half in halves[::-1]]
    return _named(
        "budgeted/held_out",
        {share: float(np.average([of_half[share] for of_half in found], weights=sizes)) for share in shares},
    )


def _oracle(p: Predictions) -> dict[str, float]:
    cost_E = needed(p.cost_E, "costs")
    budgets_P = np.array(QUARTERS) * cost_E[-1]
    accuracy_P = budget_oracle(p.correct_EN, cost_E, budgets_P)
    return _named("budget_oracle/accuracy", dict(zip(QUARTERS, accuracy_P, strict=True)))


def _named(section: str, at_shares: Mapping[float, float]) -> dict[str, float]:
    return {f"{section}_at_{round(100 * share)}_percent": float(value) for share, value in at_shares.items()}


BUDGETED = (
    Metric(
        "budgeted/area",
        "Area under the budgeted curve",
        SECTION + "; mean accuracy over budgets up to the last exit's cost",
        "higher",
        lambda p, v: area_under_curve(_batch(p, v)),
        needs_validation=True,
        needs=("confidence", "costs"),
    ),
    Metric(
        "budgeted/accuracy_at_{percent}_percent",
        "Accuracy for {percent}% of the last exit's cost",
        SECTION,
        "higher",
        lambda p, v: _named("budgeted/accuracy", accuracy_at_shares(_batch(p, v))),
        needs_validation=True,
        needs=("confidence", "costs"),
    ),
    Metric(
        "budgeted/held_out_at_{percent}_percent",
        "Accuracy for {percent}% of the last exit's cost, each half of the samples with the other's thresholds",
        SECTION + "; ours: for data that thresholds are chosen on, such as a sweep's validation data",
        "higher",
        _held_out,
        needs=("confidence", "costs"),
    ),
    Metric(
        "budgeted/recovered_at_{percent}_percent",
        "Overthought samples that are right where they exit, for {percent}% of the last exit's cost",
        "ours; share of the samples of thesis eq. 3.11",
        "higher",
        lambda p, v: _named("budgeted/recovered", recovered_at_shares(_batch(p, v))),
        needs_validation=True,
        needs=("confidence", "costs"),
    ),
    Metric(
        "budget_oracle/accuracy_at_{percent}_percent",
        "Best accuracy that any choice of exits reaches for {percent}% of the last exit's cost",
        "ours; exact, every sample takes exit 1 at least",
        "higher",
        _oracle,
        needs=("costs",),
    ),
)
