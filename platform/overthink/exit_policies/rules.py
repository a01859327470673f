"""The second half of an exit policy: at which scores a sample leaves."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from overthink.exit_policies.scoring import Scores
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray


class Rule(ABC):
    """Says of each sample whether it leaves at an exit; at the last exit all remaining samples leave."""

    @abstractmethod
    def leaves(self, row: int, sure_M: FloatArray, answer_M: IntArray | None) -> BoolArray:
        """Return whether samples leave at an exit before the last one (row 0 is exit 1), (M,)."""


@dataclass(frozen=True, eq=False)
class Thresholds(Rule):
    """A sample leaves at the first exit with a score of at least the exit's threshold."""

    threshold_E: FloatArray

    def leaves(self, row: int, sure_M: FloatArray, answer_M: IntArray | None) -> BoolArray:
        """Return whether the score is at least the threshold."""
        return np.asarray(sure_M >= self.threshold_E[row])


def exits_by(rule: Rule, scores: Scores) -> IntArray:
    """Return the row of each sample's exit, (N,)."""
    last = len(scores.sure_EN) - 1
    exit_N = np.full(scores.sure_EN.shape[1], last, dtype=np.int64)
    for row in range(last - 1, -1, -1):
        answer_N = None if scores.answer_EN is None else scores.answer_EN[row]
        exit_N[rule.leaves(row, scores.sure_EN[row], answer_N)] = row
    return exit_N


def at_exits(values_EN: BoolArray | IntArray, exit_N: IntArray) -> BoolArray | IntArray:
    """Return each sample's value at its exit, (N,)."""
    taken_N: BoolArray | IntArray = values_EN[exit_N, np.arange(len(exit_N))]
    return taken_N
