"""Budgeted batch classification (thesis section 3.2.3): cost and accuracy of exiting by thresholds.

Thresholds are computed on validation data and applied to test data. The thresholds for a budget are chosen by their
cost on validation data, so the cost on test data equals the budget only in expectation.
"""

from dataclasses import dataclass

import numpy as np

from overthink.inference.confidence import confidence
from overthink.inference.oracle import OperatingPoint
from overthink.inference.thresholds import ITERATIONS, TURNING_POINT, exit_distributions, exits_taken, thresholds
from overthink.predictions.arrays import FloatArray, IntArray
from overthink.predictions.predictions import Predictions

QUARTERS = (0.25, 0.5, 0.75, 1.0)
"""Shares of the last exit's cost at which accuracy is reported."""


@dataclass(frozen=True)
class LookupTable:
    """Thresholds, with their cost and accuracy on validation data; one row per exit distribution."""

    criterion: str
    cost_E: IntArray
    q_PE: FloatArray
    """The exit distribution that each row's thresholds are computed for."""
    threshold_PE: FloatArray
    mean_cost_P: FloatArray
    """MUL-ADDs per validation sample (thesis eq. 3.9)."""
    accuracy_P: FloatArray
    """On validation data."""

    def fitting(self, budget: float) -> int:
        """Return the row of the most accurate thresholds, on validation data, whose cost fits a budget per sample.

        The cheapest of equally accurate rows. Raises ValueError if no row fits.
        """
        fits_M = np.flatnonzero(self.mean_cost_P <= budget)
        if not len(fits_M):
            raise ValueError(
                f"a budget of {budget:,.0f} MUL-ADDs per sample is below the cost of the cheapest thresholds, "
                f"{self.mean_cost_P.min():,.0f}"
            )
        order_M = np.lexsort((self.mean_cost_P[fits_M], -self.accuracy_P[fits_M]))
        return int(fits_M[order_M[0]])


def lookup_table(
    validation: Predictions, criterion: str = "max_softmax", b: int = TURNING_POINT, iterations: int = ITERATIONS
) -> LookupTable:
    """Return thresholds for each of `exit_distributions`, with their cost and accuracy on validation data."""
    sure_EN = confidence(validation, criterion)
    q_PE = exit_distributions(validation.n_exits, b, iterations)
    threshold_PE = np.stack([thresholds(sure_EN, q_E) for q_E in q_PE])
    points = [_point(validation, exits_taken(sure_EN, threshold_E)) for threshold_E in threshold_PE]
    return LookupTable(
        criterion,
        validation.cost_E,
        q_PE,
        threshold_PE,
        mean_cost_P=np.array([point.mean_cost for point in points]),
        accuracy_P=np.array([point.accuracy for point in points]),
    )


@dataclass(frozen=True)
class BudgetedBatch:
    """A lookup table applied to other samples; one row per exit distribution."""

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
    exit_PN = np.stack([exits_taken(sure_EN, threshold_E) for threshold_E in table.threshold_PE])
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


def _point(predictions: Predictions, exit_N: IntArray) -> OperatingPoint:
    right_N = np.take_along_axis(predictions.correct_EN, exit_N[None], axis=0)[0]
    return OperatingPoint(float(right_N.mean()), float(predictions.cost_E[exit_N].mean()))


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
    last, cheapest = float(table.cost_E[-1]), float(table.mean_cost_P.min())
    return {share: table.fitting(share * last) for share in QUARTERS if share * last >= cheapest}
