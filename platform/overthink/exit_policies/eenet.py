"""EENet's scores: how likely an exit is right, from its whole softmax and the scores of the exits before it.

Ilhan et al. 2024: at exit k a linear function of the C probabilities, the largest of them, 1 + sum p log p / log C, and
the k - 1 earlier scores, clipped to [0, 1], fitted to whether the exit is right; here by logistic regression. How many
samples leave at each exit is Algorithm 1's choice or that of the paper's schedule (`eenet_schedule`).
"""

from dataclasses import dataclass

import numpy as np

from overthink.exit_policies.logistic import fit_logistic, linear, sigmoid
from overthink.exit_policies.policy import Learned
from overthink.exit_policies.scoring import Memory, Score, Scorer
from overthink.exit_policies.seen import Seen, seen_by_exits
from overthink.predictions.arrays import FloatArray
from overthink.predictions.predictions import Predictions


@dataclass(frozen=True, eq=False)
class EENetScores(Scorer):
    """The probability that an exit is right."""

    coefficients: tuple[FloatArray, ...]
    """Of every exit but the last."""

    def step(self, row: int, seen: Seen, memory: Memory) -> Score:
        """Return the score; those before are remembered."""
        if row == len(self.coefficients):
            return Score(np.ones(seen.n_samples))
        score_M = sigmoid(linear(_features(seen, memory), self.coefficients[row]))
        return Score(score_M, None, (*memory, score_M))

    def own_cost_E(self, n_exits: int, n_classes: int) -> FloatArray:  # noqa: N802
        """Return the number of features of each exit but the last."""
        return np.array([*(len(one) - 1.0 for one in self.coefficients), 0.0])


def _features(seen: Seen, memory: Memory) -> FloatArray:
    p_MC = seen.softmax_MC
    certainty_M = 1 - seen.entropy_M / np.log(p_MC.shape[1])
    return np.column_stack([p_MC, seen.max_softmax_M, certainty_M, *memory])


def fit_eenet(validation: Predictions) -> list[Learned]:
    """Return the scores, fitted exit by exit."""
    memory: Memory = ()
    found = []
    for seen, right_N in zip(seen_by_exits(validation)[:-1], validation.correct_EN[:-1], strict=True):
        feature_NF = _features(seen, memory)
        found.append(fit_logistic(feature_NF, right_N))
        memory = (*memory, sigmoid(linear(feature_NF, found[-1])))
    return [Learned(EENetScores(tuple(found)))]
