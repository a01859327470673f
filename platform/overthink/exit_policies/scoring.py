"""The first half of an exit policy: how sure it is at each exit, and what it would answer there.

A scorer goes from exit to exit. The table of stored predictions and a real early exit call the same `step`, on all
samples or on those that are left, so they cannot differ: each sample's scores depend on that sample alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overthink.exit_policies.seen import Seen
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.predictions.predictions import Predictions

Memory = tuple[NDArray[Any], ...]
"""What a scorer remembers of earlier exits: arrays with a row for each sample that is left; empty at exit 1."""


class Score(NamedTuple):
    """At one exit, of M samples."""

    sure_M: FloatArray
    """Higher: sooner leave."""
    answer_M: IntArray | None = None
    """The class that is answered where a sample leaves here; None: the one that the exit predicts."""
    memory: Memory = ()


class Scores(NamedTuple):
    """At all exits, of all samples of stored predictions."""

    sure_EN: FloatArray
    answer_EN: IntArray | None
    """None: what each exit predicts."""

    def right_EN(self, predictions: Predictions) -> BoolArray:  # noqa: N802 - named like the array it returns
        """Return whether the answer at each exit would be right, (E, N)."""
        if self.answer_EN is None:
            return predictions.correct_EN
        assert predictions.labels_N is not None
        return np.equal(self.answer_EN, predictions.labels_N)


class Scorer(ABC):
    """How sure a policy is at each exit. Fitted; it holds no state of samples."""

    @abstractmethod
    def step(self, row: int, seen: Seen, memory: Memory) -> Score:
        """Return the scores at an exit (row 0 is exit 1), from what it says and what earlier steps remembered."""

    def own_cost_E(self, n_exits: int, n_classes: int) -> FloatArray:  # noqa: N802
        """Return the MUL-ADDs of the policy itself at each exit, (E,), not cumulative; 0 where nothing is said.

        What a network's MUL-ADDs leave out, such as a softmax or a comparison, is not counted here either.
        """
        return np.zeros(n_exits)


class Unasked(Scorer):
    """The scorer of a rule that looks at nothing."""

    def step(self, row: int, seen: Seen, memory: Memory) -> Score:
        """Return zeros."""
        return Score(np.zeros(seen.n_samples))


def scores(scorer: Scorer, seen_E: Sequence[Seen]) -> Scores:
    """Return the scores of all samples at all exits."""
    memory: Memory = ()
    found = []
    for row, seen in enumerate(seen_E):
        score = scorer.step(row, seen, memory)
        memory = score.memory
        found.append(score)
    answers = [score.answer_M for score in found if score.answer_M is not None]
    return Scores(np.stack([score.sure_M for score in found]), np.stack(answers) if answers else None)
