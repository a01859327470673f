"""Leaving early by confidence, beside an oracle: thresholds chosen on each training's validation data."""

from collections.abc import Sequence

from overthink.inference.budget_oracle import within
from overthink.inference.budgeted import budgeted_batch, lookup_table
from overthink.predictions.predictions import Predictions
from overthink.study.transferred_oracle import ConfidenceRule


def confidence_rule(validation: Sequence[Predictions], test: Sequence[Predictions]) -> ConfidenceRule:
    """Return (training, budget in MUL-ADDs per sample) -> test accuracy within that budget; None where nothing fits."""
    batches = [budgeted_batch(lookup_table(val), one) for val, one in zip(validation, test, strict=True)]

    def accuracy(training: int, budget: float) -> float | None:
        batch = batches[training]
        return batch.accuracy_at(budget) if within(batch.table.mean_cost_P, budget).any() else None

    return accuracy
