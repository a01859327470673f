"""Exits by chance in a running network: the row `random` of the table, of which that has the expectations.

A sample's draw is a hash of its largest softmax value at exit 1, so that the same sample leaves at the same exit each
time, and needs no generator. Samples with equal values there share their draw.
"""

from dataclasses import dataclass

import numpy as np

from overthink.exit_policies.policy import Material
from overthink.exit_policies.references import best_draw
from overthink.exit_policies.rules import Rule
from overthink.exit_policies.scoring import Memory, Score, Scorer
from overthink.exit_policies.seen import Seen
from overthink.exit_policies.trial import area_costs
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray


class Dice(Scorer):
    """A number from 0 to 1 for each sample, the same at all exits."""

    def step(self, row: int, seen: Seen, memory: Memory) -> Score:
        """Return the number that was drawn at exit 1."""
        drawn_M = memory[0] if memory else hashed(seen.max_softmax_M)
        return Score(drawn_M, None, (drawn_M,))


@dataclass(frozen=True, eq=False)
class Chances(Rule):
    """A sample leaves at the first exit up to which the chances add up to more than its number."""

    chance_E: FloatArray

    def leaves(self, row: int, sure_M: FloatArray, answer_M: IntArray | None) -> BoolArray:
        """Return whether the number is below the sum of the chances so far."""
        return np.asarray(sure_M < self.chance_E[: row + 1].sum())


def hashed(values_M: FloatArray) -> FloatArray:
    """Return numbers that look uniform in [0, 1), a function of each value's bits (splitmix64)."""
    bits_M = np.ascontiguousarray(values_M, dtype=np.float64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits_M = (bits_M ^ (bits_M >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(((bits_M ^ (bits_M >> np.uint64(31))) >> np.uint64(11)) / 2.0**53)


def draws(material: Material) -> list[Chances]:
    """Return the best draw between two exits for each of many budgets, by accuracy on validation data."""
    accuracy_E, cost_E = material.right_EN.mean(axis=1), material.cost_E
    budgets = [*area_costs(cost_E).tolist(), float(cost_E[-1])]
    return [Chances(best_draw(accuracy_E, cost_E, budget)) for budget in budgets]
