"""One exit policy on one run: fitted on its validation predictions, tried on its test predictions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from overthink.exit_policies.policy import ExitPolicy, Point, PolicyCurve, Taken
from overthink.exit_policies.scoring import Scorer, Scores, scores
from overthink.exit_policies.seen import Seen, seen_by_exits
from overthink.inference.budget_oracle import TOLERANCE
from overthink.metrics.overthinking import overthought
from overthink.predictions.absent import needed
from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.predictions.predictions import Predictions

AREA_POINTS = 32
"""Costs that the area under the curve is a mean over."""


class Pair(NamedTuple):
    """The predictions of one run."""

    validation: Predictions
    test: Predictions


class Trial(NamedTuple):
    """What a policy does for B budgets on N test samples."""

    right_BN: FloatArray
    """1 where the answer is right; for what draws exits by chance, the expectation. NaN where a budget is too small."""
    cost_BN: FloatArray
    """Of the last exit's cost."""
    overthought_BN: FloatArray
    """1 where an exit that was passed, or taken, is right and the answer wrong; NaN where it is not known."""
    no_loss: "NoLoss | None" = None
    """None of what is no policy."""
    anytime_N: BoolArray | None = None
    """Whether the answer at some exit is right and at a later one wrong; None where there are no answers by exit."""


class NoLoss(NamedTuple):
    """At the least cost with the last exit's accuracy on validation data; at the last exit where there is none."""

    right_N: BoolArray
    saved_N: FloatArray
    """Share of the last exit's cost; negative where a policy costs more."""


def area_costs(cost_E: FloatArray) -> FloatArray:
    """Return the middles of AREA_POINTS equal parts of the costs from exit 1's to the last exit's."""
    middles = (np.arange(AREA_POINTS) + 0.5) / AREA_POINTS
    return np.asarray(cost_E[0] + middles * (cost_E[-1] - cost_E[0]))


def at_equal_cost(right_BN: FloatArray, cost_B: FloatArray, wanted_A: FloatArray) -> FloatArray:
    """Return the chance that each sample is right, (A, N), where a mean cost is spent exactly.

    A budget is met on validation data, and missed a little on test data. To compare at equal cost, each sample is
    treated by one of the two fitted points whose test costs are next to the one wanted, drawn so that the mean cost
    is met; above the highest cost, by the point of the highest cost. Points of too small a budget, with costs of NaN,
    are left out, and nothing is known below the others (NaN).

    >>> at_equal_cost(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([10.0, 20.0]), np.array([15.0, 30.0])).tolist()
    [[0.5, 0.0], [1.0, 0.0]]
    """
    known = int(np.isfinite(cost_B).sum())
    order_B = np.argsort(cost_B, kind="stable")[:known]  # NaN is last
    lowest = -np.inf if known == len(cost_B) else cost_B[order_B[0]]
    right_BN, cost_B = right_BN[order_B], cost_B[order_B]
    above_A = np.clip(np.searchsorted(cost_B, wanted_A, side="right"), 1, len(cost_B) - 1)
    gap_A = np.maximum(cost_B[above_A] - cost_B[above_A - 1], 1e-300)
    share_A = np.clip((wanted_A - cost_B[above_A - 1]) / gap_A, 0, 1)[:, None]
    right_AN = (1 - share_A) * right_BN[above_A - 1] + share_A * right_BN[above_A]
    return np.where((wanted_A < lowest * (1 - TOLERANCE))[:, None], np.nan, right_AN)


def trial(policy: ExitPolicy, pair: Pair, budgets_B: FloatArray) -> Trial:
    """Return what a policy does; budgets in the unit of the costs. Raises ValueError where it cannot be fitted."""
    for part in policy.needs:
        if part in pair.test.absent:  # before a fit that is in vain: runs store more of validation data
            needed(None, part)
    return tried(policy.fit(pair.validation), pair, budgets_B)


def tried(curve: PolicyCurve, pair: Pair, budgets_B: FloatArray) -> Trial:
    """Return what a fitted policy does."""
    test, whole = pair.test, float(needed(pair.test.cost_E, "costs")[-1])
    known = _Known(test)
    taken = [known.taken(curve.at(float(budget))) for budget in budgets_B]
    right_before_EN = np.logical_or.accumulate(test.correct_EN, axis=0)
    columns_N = np.arange(len(test.ids_N))
    last = known.scores_of(curve.points[-1].scorer).right_EN(test)
    return Trial(
        right_BN=np.stack([one.right_N.astype(np.float64) for one in taken]),
        cost_BN=np.stack([one.cost_N for one in taken]) / whole,
        overthought_BN=np.stack(
            [(right_before_EN[one.exit_N, columns_N] & ~one.right_N).astype(float) for one in taken]
        ),
        no_loss=_no_loss(known.taken(curve.without_loss()), whole),
        anytime_N=overthought(last),
    )


def _no_loss(taken: Taken, whole: float) -> NoLoss:
    return NoLoss(taken.right_N, 1 - taken.cost_N / whole)


class _Known:
    """Scores and exits on test data, each computed once: many budgets have the same point."""

    def __init__(self, test: Predictions) -> None:
        self._test = test
        self._seen_E: Sequence[Seen] = seen_by_exits(test)
        self._scores: dict[int, Scores] = {}
        self._taken: dict[int, Taken] = {}

    def scores_of(self, scorer: Scorer) -> Scores:
        if id(scorer) not in self._scores:
            self._scores[id(scorer)] = scores(scorer, self._seen_E)
        return self._scores[id(scorer)]

    def taken(self, point: Point) -> Taken:
        if id(point) not in self._taken:
            self._taken[id(point)] = point.taken(self.scores_of(point.scorer), self._test)
        return self._taken[id(point)]
