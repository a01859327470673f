"""Learned: does a later exit know better? A classifier at each exit, fitted on validation data.

What is learned at exit k is whether leaving there loses nothing: it is right, or no later exit is. The score is the
probability of that. Rules are chosen on scores of validation samples that each classifier was not fitted to, in FOLDS
parts, since boosted trees know the samples that they were fitted to.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from overthink.exit_policies.features import N_FEATURES, features
from overthink.exit_policies.logistic import fit_logistic, linear, sigmoid
from overthink.exit_policies.policy import Learned
from overthink.exit_policies.scoring import Memory, Score, Scorer, Scores
from overthink.exit_policies.seen import Seen, seen_by_exits
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.predictions.predictions import Predictions

FOLDS = 3
TREES, DEPTH = 30, 3


class Judge(ABC):
    """A fitted classifier of one exit."""

    cost: float
    """MUL-ADDs of one use."""

    @abstractmethod
    def chance(self, feature_MF: FloatArray) -> FloatArray:
        """Return the probability that leaving loses nothing, (M,)."""


class Logistic(Judge):
    """Logistic regression on standardised features."""

    cost = 2.0 * N_FEATURES + 1

    def __init__(self, feature_NF: FloatArray, target_N: BoolArray) -> None:
        self._mean_F, self._scale_F = feature_NF.mean(axis=0), feature_NF.std(axis=0) + 1e-9
        self._coefficient_F = fit_logistic((feature_NF - self._mean_F) / self._scale_F, target_N)

    def chance(self, feature_MF: FloatArray) -> FloatArray:
        """Return the probability."""
        return sigmoid(linear((feature_MF - self._mean_F) / self._scale_F, self._coefficient_F))


class Boosted(Judge):
    """Gradient-boosted trees of scikit-learn; a comparison counts as a MUL-ADD."""

    cost = float(TREES * (DEPTH + 1))

    def __init__(self, feature_NF: FloatArray, target_N: BoolArray) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]

        trees = HistGradientBoostingClassifier(
            max_iter=TREES, max_depth=DEPTH, learning_rate=0.15, early_stopping=False, random_state=0
        )
        with _one_thread():
            self._trees: Any = trees.fit(feature_NF, target_N)

    def chance(self, feature_MF: FloatArray) -> FloatArray:
        """Return the probability."""
        with _one_thread():
            chance_M: FloatArray = self._trees.predict_proba(feature_MF)[:, 1]
        return chance_M


def _one_thread() -> Any:
    """OpenMP's threads wait for each other in a loop: on busy cores, two take forty times as long as one."""
    return _thread_pools().limit(limits=1, user_api="openmp")


@cache
def _thread_pools() -> Any:
    """Return the pools of the libraries that are loaded, looked for once: that takes longer than fitting some trees."""
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


class Certain(Judge):
    """Where all validation samples agree."""

    cost = 0.0

    def __init__(self, chance: float) -> None:
        self._chance = chance

    def chance(self, feature_MF: FloatArray) -> FloatArray:
        """Return 0 or 1."""
        return np.full(len(feature_MF), self._chance)


@dataclass(frozen=True, eq=False)
class LosesNothing(Scorer):
    """The probability that leaving loses nothing, by a classifier of each exit but the last."""

    judges: tuple[Judge, ...]

    def step(self, row: int, seen: Seen, memory: Memory) -> Score:
        """Return the probability; 1 at the last exit."""
        if row == len(self.judges):
            return Score(np.ones(seen.n_samples))
        feature_MF, memory = features(seen, memory)
        return Score(self.judges[row].chance(feature_MF), None, memory)

    def own_cost_E(self, n_exits: int, n_classes: int) -> FloatArray:  # noqa: N802
        """Return the cost of each classifier."""
        return np.array([*(judge.cost for judge in self.judges), 0.0])


Fit = Callable[[FloatArray, BoolArray], Judge]


def learned(fit: Fit) -> Callable[[Predictions], list[Learned]]:
    """Return the function that fits such a scorer to validation predictions."""

    def scorers(validation: Predictions) -> list[Learned]:
        target_EN = loses_nothing(validation.correct_EN)
        all_features: list[FloatArray] = []
        memory: Memory = ()
        for seen in seen_by_exits(validation)[:-1]:
            feature_NF, memory = features(seen, memory)
            all_features.append(feature_NF)
        pairs = list(zip(all_features, target_EN[:-1], strict=True))
        scorer = LosesNothing(tuple(_judge(fit, feature_NF, target_N) for feature_NF, target_N in pairs))
        part_N = parts(len(validation.ids_N))
        held_out = [_held_out(fit, feature_NF, target_N, part_N) for feature_NF, target_N in pairs]
        return [Learned(scorer, Scores(np.stack([*held_out, np.ones(len(part_N))]), None))]

    return scorers


def loses_nothing(correct_EN: BoolArray) -> BoolArray:
    """Return whether leaving at each exit loses nothing, (E, N): the exit is right, or no later one is.

    >>> loses_nothing(np.array([[True, False, False], [False, True, False]])).tolist()
    [[True, False, True], [True, True, True]]
    """
    later_EN = np.logical_or.accumulate(correct_EN[::-1], axis=0)[::-1]
    later_EN = np.vstack([later_EN[1:], np.zeros_like(correct_EN[:1])])
    return np.asarray(correct_EN | ~later_EN)


def parts(n: int) -> IntArray:
    """Return the part, 0 to FOLDS - 1, that each sample is held out in; files may be sorted, so it is drawn."""
    return np.asarray(np.random.default_rng(0).permutation(n) % FOLDS, dtype=np.int64)


def _judge(fit: Fit, feature_NF: FloatArray, target_N: BoolArray) -> Judge:
    if target_N.all() or not target_N.any():
        return Certain(float(target_N.all()))
    return fit(feature_NF, target_N)


def _held_out(fit: Fit, feature_NF: FloatArray, target_N: BoolArray, part_N: IntArray) -> FloatArray:
    chance_N = np.empty(len(target_N))
    for part in range(FOLDS):
        own_N = part_N == part
        if own_N.any():
            chance_N[own_N] = _judge(fit, feature_NF[~own_N], target_N[~own_N]).chance(feature_NF[own_N])
    return chance_N
