"""Rows beside the policies: what chance does, and what knows the labels of test data, to be read as bounds only."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from overthink.exit_policies.trial import Pair, Trial
from overthink.inference.budget_oracle import TOLERANCE
from overthink.predictions.absent import needed
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.study.transferred_oracle import upgraded


class Reference(NamedTuple):
    """A row that is no policy: it draws exits by chance, or knows which exits are right."""

    name: str
    title: str
    uses_labels: bool
    trials: Callable[[Sequence[Pair], FloatArray], list[Trial]]
    """All runs of a group and budgets (B,) -> what it does in each."""
    source: str


def random_exits(pairs: Sequence[Pair], budgets_B: FloatArray) -> list[Trial]:
    """Return expectations of the best draw between two exits for each budget, chosen on validation accuracy."""
    found = []
    for pair in pairs:
        cost_E = needed(pair.test.cost_E, "costs").astype(np.float64)
        accuracy_E = pair.validation.correct_EN.mean(axis=1)
        chance_BE = np.stack([best_draw(accuracy_E, cost_E, float(budget)) for budget in budgets_B])
        correct_EN = pair.test.correct_EN.astype(np.float64)
        right_BN = chance_BE @ correct_EN
        before_EN = np.logical_or.accumulate(pair.test.correct_EN, axis=0)
        overthought_BN = chance_BE @ (before_EN & ~pair.test.correct_EN).astype(np.float64)
        found.append(Trial(right_BN, _constant(chance_BE @ cost_E / cost_E[-1], right_BN), overthought_BN))
    return found


def best_draw(accuracy_E: FloatArray, cost_E: FloatArray, budget: float) -> FloatArray:
    """Return the chance of each exit, (E,), with the highest expected accuracy within a mean cost.

    A linear programme of two constraints: at most two exits have a chance.

    >>> best_draw(np.array([0.5, 0.4, 0.9]), np.array([1.0, 2.0, 3.0]), 2.0).tolist()
    [0.5, 0.0, 0.5]
    """
    largest = budget * (1 + TOLERANCE)
    best_E, best = np.zeros(len(cost_E)), -1.0
    for i, low in enumerate(cost_E):
        for j, high in enumerate(cost_E[i:], start=i):
            if low > largest or (i == j and high > largest):
                continue
            share = 1.0 if high <= largest else max(budget - low, 0.0) / (high - low)
            expected = share * accuracy_E[j] + (1 - share) * accuracy_E[i]
            if expected > best + 1e-12:
                best, best_E = float(expected), np.zeros(len(cost_E))
                best_E[i] += 1 - share
                best_E[j] += share
    return best_E


def oracle(pairs: Sequence[Pair], budgets_B: FloatArray) -> list[Trial]:
    """Return the best choice of exits within each budget: cheapest right exits first, the last group of them in part.

    Samples that no exit gets right stay at exit 1.
    """
    return [_sent(pair, pair.test.correct_EN, budgets_B) for pair in pairs]


def transferred(pairs: Sequence[Pair], budgets_B: FloatArray) -> list[Trial]:
    """Return the oracle of each other run of the group, taken over to this one; mean over the other runs.

    Raises ValueError for a single run.
    """
    if len(pairs) < 2:
        raise ValueError("the oracle of another training needs two runs of a group, and there is one")
    found = []
    for place, pair in enumerate(pairs):
        others = [_sent(pair, other.test.correct_EN, budgets_B) for o, other in enumerate(pairs) if o != place]
        found.append(
            Trial(
                np.mean([one.right_BN for one in others], axis=0),
                np.mean([one.cost_BN for one in others], axis=0),
                np.mean([one.overthought_BN for one in others], axis=0),
            )
        )
    return found


def realistic(pairs: Sequence[Pair], budgets_B: FloatArray) -> list[Trial]:
    """Return the oracle that runs samples without a right exit up to the last one; NaN for budgets below that."""
    found = []
    for pair in pairs:
        cost_E = needed(pair.test.cost_E, "costs").astype(np.float64)
        never_N = ~pair.test.correct_EN.any(axis=0)
        extra = float(never_N.mean()) * (cost_E[-1] - cost_E[0])
        trial = _sent(pair, pair.test.correct_EN, budgets_B - extra)
        cost_BN = np.where(never_N, 1.0, trial.cost_BN)
        too_small_B = (budgets_B - extra < cost_E[0] * (1 - TOLERANCE))[:, None]
        parts = trial.right_BN, cost_BN, trial.overthought_BN
        right_BN, cost_BN, overthought_BN = (np.where(too_small_B, np.nan, part_BN) for part_BN in parts)
        found.append(Trial(right_BN, cost_BN, overthought_BN))
    return found


def _sent(pair: Pair, knows_EN: BoolArray, budgets_B: FloatArray) -> Trial:
    """Return what sending samples to the first exit that is right in `knows_EN` does, within budgets."""
    correct_EN, cost_E = pair.test.correct_EN, needed(pair.test.cost_E, "costs").astype(np.float64)
    first_N = np.where(knows_EN.any(axis=0), knows_EN.argmax(axis=0), 0)
    solved_N = knows_EN.any(axis=0)
    share_E = np.bincount(first_N[solved_N], minlength=len(cost_E)) / len(first_N)
    part_BE = np.stack([upgraded(share_E, cost_E, float(budget)) for budget in budgets_B])
    part_BE[:, 0] = 1.0
    part_BN = np.clip(part_BE[:, first_N], 0, 1)
    there_N, here_N = _at(correct_EN, first_N), correct_EN[0].astype(np.float64)
    before_N = _at(np.logical_or.accumulate(correct_EN, axis=0), first_N)
    cost_N = cost_E[first_N] / cost_E[-1]
    first_cost = float(cost_E[0] / cost_E[-1])
    return Trial(
        part_BN * there_N + (1 - part_BN) * here_N,
        part_BN * cost_N + (1 - part_BN) * first_cost,
        part_BN * (before_N * (1 - there_N)),
    )


def _at(values_EN: BoolArray, exit_N: IntArray) -> FloatArray:
    return np.asarray(values_EN[exit_N, np.arange(len(exit_N))].astype(np.float64))


def _constant(value_B: FloatArray, like_BN: FloatArray) -> FloatArray:
    return np.repeat(value_B[:, None], like_BN.shape[1], axis=1)


REFERENCES = (
    Reference("random", "Exits by chance", False, random_exits, "ours"),
    Reference("cross-training", "Oracle of another training", True, transferred, "study.transferred_oracle"),
    Reference("realistic-bound", "Realistic bound", True, realistic, "thesis fig. 3.7, under a budget"),
    Reference("oracle", "Oracle", True, oracle, "thesis fig. 3.7, under a budget"),
)
"""By name; the last three know labels of test data."""
