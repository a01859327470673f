"""Scores that an exit's own softmax gives: the largest value, the entropy, the ratio and margin of the largest two.

MUL-ADDs count no softmax, and so nothing for these.
"""

from collections.abc import Callable
from dataclasses import dataclass

from overthink.exit_policies.scoring import Memory, Score, Scorer
from overthink.exit_policies.seen import Seen
from overthink.predictions.arrays import FloatArray

MEASURES: dict[str, Callable[[Seen], FloatArray]] = {
    "max-softmax": lambda seen: seen.max_softmax_M,
    "entropy": lambda seen: -seen.entropy_M,
    "top2-ratio": lambda seen: seen.top2_ratio_M,
    "margin": lambda seen: seen.margin_M,
}
"""Name -> score, (M,). The first three are `inference.confidence`'s criteria."""


@dataclass(frozen=True)
class OfExit(Scorer):
    """One of MEASURES."""

    measure: str
    says_class: bool = False
    """Whether the class is an answer, for rules that look at it."""

    def step(self, row: int, seen: Seen, memory: Memory) -> Score:
        """Return the measure."""
        return Score(MEASURES[self.measure](seen), seen.predicted_M if self.says_class else None)
