"""Budgeted batch classification (thesis section 3.2.3): cost and accuracy of exiting by thresholds.

Thresholds are computed on validation data, for exit distributions (Algorithm 1) or, for patience, for every number of
agreeing exits, and applied to test data. The thresholds for a budget are chosen by their cost on validation data, so
the cost on test data equals the budget only in expectation.
"""

from dataclasses import dataclass

import numpy as np

from overthink.inference.budget_oracle import within
from overthink.inference.confidence import confidence, criterion_named
from overthink.inference.patience import PATIENCE, patience_thresholds
from overthink.inference.thresholds import (
    ITERATIONS,
    TURNING_POINT,
    exit_distributions,
    exits_taken,
    thresholds,
    tied,
)
from overthink.predictions.absent import CostUnit, in_unit, needed
from overthink.predictions.arrays import BoolArray, CostArray, FloatArray, IntArray
from overthink.predictions.predictions import Predictions

QUARTERS = (0.25, 0.5, 0.75, 1.0)
"""Shares of the last exit's cost at which accuracy is reported."""


@dataclass(frozen=True)
class LookupTable:
    """Thresholds, with their cost and accuracy on validation data; one row per exit distribution.

    For patience, row p has the thresholds of p + 1 agreeing exits.
    """

    criterion: str
    cost_E: CostArray
    q_PE: FloatArray | None
    """The exit distribution that each row's thresholds are computed for; None for patience."""
    threshold_PE: FloatArray
    taken_PE: FloatArray
    """Share of the validation samples that exits at each exit."""
    tied_PE: BoolArray
    """Exits where ties of confidence make other samples exit than q asks for (see `tied`): no threshold gives q."""
    mean_cost_P: FloatArray
    """MUL-ADDs per validation sample (thesis eq. 3.9)."""
    accuracy_P: FloatArray
    """On validation data."""
    cost_unit: CostUnit = "MUL-ADDs"

    def fitting(self, budget: float) -> int:
        """Return the row of the most accurate thresholds, on validation data, whose cost fits a budget per sample.

        The cheapest of equally accurate rows. Raises ValueError if no row fits.
        """
        fits_M = np.flatnonzero(within(self.mean_cost_P, budget))
        if not len(fits_M):
            raise ValueError(
                f"a budget of {in_unit(budget, self.cost_unit)} per sample is below the cost of the cheapest "
                f"thresholds, {in_unit(float(self.mean_cost_P.min()), self.cost_unit)}"
            )
        order_M = np.lexsort((self.mean_cost_P[fits_M], -self.accuracy_P[fits_M]))
        return int(fits_M[order_M[0]])


def lookup_table(
    validation: Predictions, criterion: str = "max-softmax", b: int = TURNING_POINT, iterations: int = ITERATIONS
) -> LookupTable:
    """Return thresholds with their cost and accuracy on validation data: for each of `exit_distributions`.

    For patience they are those of `patience_thresholds`: every sample's streak at exit 1 is 1, so that any exit
    distribution would make all samples exit there.
    """
    criterion = criterion_named(criterion)
    sure_EN, cost_E = confidence(validation, criterion), needed(validation.cost_E, "costs")
    if criterion == PATIENCE:
        q_PE, threshold_PE = None, patience_thresholds(validation.n_exits)
    else:
        q_PE = exit_distributions(validation.n_exits, b, iterations)
        threshold_PE = np.stack([thresholds(sure_EN, q_E) for q_E in q_PE])
    exit_PN = _exits(sure_EN, threshold_PE)
    return LookupTable(
        criterion,
        cost_E,
        q_PE,
        threshold_PE,
        taken_PE=shares_taken(exit_PN, validation.n_exits),
        tied_PE=(
            np.zeros(threshold_PE.shape, dtype=bool)
            if q_PE is None
            else np.stack([tied(exit_N, q_E) for exit_N, q_E in zip(exit_PN, q_PE, strict=True)])
        ),
        mean_cost_P=cost_E[exit_PN].mean(axis=1),
        accuracy_P=np.take_along_axis(validation.correct_EN, exit_PN, axis=0).mean(axis=1),
        cost_unit=validation.cost_unit,
    )


def shares_taken(exit_PN: IntArray, n_exits: int) -> FloatArray:
    """Return the share of the samples that exits at each exit, (P, E)."""
    taken_PE: FloatArray = np.stack([(exit_PN == row).mean(axis=1) for row in range(n_exits)], axis=1)
    return taken_PE


def _exits(confidence_EN: FloatArray, threshold_PE: FloatArray) -> IntArray:
    return np.stack([exits_taken(confidence_EN, threshold_E) for threshold_E in threshold_PE])


@dataclass(frozen=True)
class BudgetedBatch:
    """A lookup table applied to other samples; its rows are the table's."""

    table: LookupTable
    exit_PN: IntArray
    """Row of the exit that each sample exits at: 0 is exit 1."""
    accuracy_P: FloatArray
    mean_cost_P: FloatArray
    """MUL-ADDs per sample."""
    recovered_P: FloatArray
    """Share of the overthought samples (any later exit) that are right where they exit; NaN if there are none."""

    def accuracy_at(self, budget: float) -> float:
        """Return the accuracy of the thresholds that fit a budget per sample, chosen on validation data."""
        return float(self.accuracy_P[self.table.fitting(budget)])


def budgeted_batch(table: LookupTable, test: Predictions) -> BudgetedBatch:
    """Return exits, accuracy and cost of a lookup table's thresholds on test data."""
    sure_EN, correct_EN = confidence(test, table.criterion), test.correct_EN
    exit_PN = _exits(sure_EN, table.threshold_PE)
    right_PN = np.take_along_axis(correct_EN, exit_PN, axis=0)
    right_before_EN = np.logical_or.accumulate(correct_EN, axis=0)
    overthought_N = (right_before_EN[:-1] & ~correct_EN[1:]).any(axis=0)
    n_overthought = int(overthought_N.sum())
    recovered_P = (
        right_PN[:, overthought_N].sum(axis=1) / n_overthought if n_overthought else np.full(len(exit_PN), np.nan)
    )
    return BudgetedBatch(
        table,
        exit_PN,
        accuracy_P=right_PN.mean(axis=1),
        mean_cost_P=table.cost_E[exit_PN].mean(axis=1),
        recovered_P=recovered_P,
    )


def area_under_curve(batch: BudgetedBatch) -> float:
    """Return the mean accuracy over all budgets from the cheapest thresholds to the last exit's cost, a fraction.

    The area under the budgeted curve divided by its width. The thresholds for each budget are chosen on validation
    data, so the curve is a step function with a step where another row of the lookup table begins to fit.
    """
    table, last = batch.table, float(batch.table.cost_E[-1])
    steps = np.unique(table.mean_cost_P[table.mean_cost_P < last])
    if not len(steps):
        return batch.accuracy_at(last)
    ends = np.append(steps[1:], last)
    heights = [batch.accuracy_at(step) for step in steps]
    return float(np.dot(heights, ends - steps) / (last - steps[0]))


def accuracy_at_shares(batch: BudgetedBatch) -> dict[float, float]:
    """Return the accuracy at 25, 50, 75 and 100% of the last exit's cost; budgets that no row fits are left out."""
    return {share: float(batch.accuracy_P[row]) for share, row in _rows_at_shares(batch.table).items()}


def recovered_at_shares(batch: BudgetedBatch) -> dict[float, float]:
    """Return the share of overthought samples that are right where they exit, at the same budgets; NaN if none are."""
    return {share: float(batch.recovered_P[row]) for share, row in _rows_at_shares(batch.table).items()}


def _rows_at_shares(table: LookupTable) -> dict[float, int]:
    budgets = {share: share * float(table.cost_E[-1]) for share in QUARTERS}
    return {share: table.fitting(it) for share, it in budgets.items() if within(table.mean_cost_P, it).any()}
