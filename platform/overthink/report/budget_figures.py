"""What the figures of leaving early show: numbers alone. `budget_drawing` puts them on paper.

A run is a pair of predictions, validation and test. Thresholds are chosen on the first and applied to the second; over
several seeds each number is a mean over runs at the same exit distribution.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overthink.inference.budget_oracle import budget_oracle
from overthink.inference.budgeted import budgeted_batch, lookup_table
from overthink.inference.oracle import OperatingPoint, oracle, upper_bound
from overthink.metrics.accuracy import accuracy
from overthink.predictions.arrays import FloatArray, IntArray
from overthink.predictions.predictions import Predictions

Pair = tuple[Predictions, Predictions]
BUDGETS = 60
"""Points of the bound's curve."""


@dataclass(frozen=True)
class BudgetCurves:
    """Budgeted batch classification beside anytime prediction and what perfect choices reach (thesis figure 3.7)."""

    cost_E: tuple[float, ...]
    """MUL-ADDs."""
    accuracy_E: tuple[float, ...]
    """Anytime prediction: all samples at one exit."""
    cost_P: tuple[float, ...]
    """MUL-ADDs per test sample, a distribution of Algorithm 1 each, cheapest first."""
    accuracy_P: tuple[float, ...]
    deviation_P: tuple[float, ...] | None
    """Standard deviation of the accuracy over runs; None for one run."""
    taken_PE: tuple[tuple[float, ...], ...]
    """Share of the test samples that leaves at each exit."""
    recovered_P: tuple[float, ...]
    """Share of the overthought samples (any later exit) that are right where they leave; empty where none is."""
    bound_cost_B: tuple[float, ...]
    bound_accuracy_B: tuple[float, ...]
    """The best that any choice of exits reaches for a budget."""
    oracle: OperatingPoint
    upper_bound: OperatingPoint


def budget_curves(runs: Sequence[Pair], criterion: str = "max_softmax") -> BudgetCurves:
    """Return the curves of one run, or means over runs of one network with different seeds.

    Raises ValueError where runs differ in what their exits cost.
    """
    costs = {tuple(test.cost_E.tolist()) for _, test in runs}
    if len(costs) != 1:
        raise ValueError(f"runs drawn together need exits of one cost, got {sorted(costs)}")
    batches = [budgeted_batch(lookup_table(validation, criterion), test) for validation, test in runs]
    tests = [test for _, test in runs]
    cost_E = tests[0].cost_E
    budgets_B = np.linspace(cost_E[0], cost_E[-1], BUDGETS)
    accuracy_RP = np.stack([batch.accuracy_P for batch in batches])
    recovered_RP = np.stack([batch.recovered_P for batch in batches])
    taken_RPE = np.stack([_shares(batch.exit_PN, len(cost_E)) for batch in batches])
    bound_RB = np.stack([budget_oracle(test.correct_EN, test.cost_E, budgets_B) for test in tests])
    return BudgetCurves(
        cost_E=tuple(cost_E.astype(float).tolist()),
        accuracy_E=_mean([accuracy(test.correct_EN) for test in tests]),
        cost_P=_mean([batch.mean_cost_P for batch in batches]),
        accuracy_P=_mean(accuracy_RP),
        deviation_P=tuple(accuracy_RP.std(axis=0, ddof=1).tolist()) if len(runs) > 1 else None,
        taken_PE=tuple(tuple(row) for row in taken_RPE.mean(axis=0).tolist()),
        recovered_P=() if np.isnan(recovered_RP).any() else _mean(recovered_RP),
        bound_cost_B=tuple(budgets_B.tolist()),
        bound_accuracy_B=_mean(bound_RB),
        oracle=OperatingPoint(*np.mean([oracle(t.correct_EN, t.cost_E) for t in tests], axis=0).tolist()),
        upper_bound=OperatingPoint(*np.mean([upper_bound(t.correct_EN, t.cost_E) for t in tests], axis=0).tolist()),
    )


def _shares(exit_PN: IntArray, n_exits: int) -> FloatArray:
    shares_PE: FloatArray = np.stack([(exit_PN == row).mean(axis=1) for row in range(n_exits)], axis=1)
    return shares_PE


def _mean(values_RX: Sequence[FloatArray] | FloatArray) -> tuple[float, ...]:
    return tuple(np.mean(values_RX, axis=0).tolist())
