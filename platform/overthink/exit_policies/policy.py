"""An exit policy: fitted on validation predictions alone, then used on stored predictions and in a running network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from overthink.exit_policies.rules import Rule, Thresholds, at_exits, exits_by
from overthink.exit_policies.scoring import Memory, Scorer, Scores, Unasked, scores
from overthink.exit_policies.seen import Seen, seen_by_exits
from overthink.inference.budget_oracle import within
from overthink.predictions.absent import CostUnit, Known, in_unit, needed
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray, LogitArray
from overthink.predictions.predictions import Predictions


class Material(NamedTuple):
    """What rules are chosen on: the scores of validation samples, and what is known of them."""

    scores: Scores
    right_EN: BoolArray
    """Whether the policy's answer at each exit is right."""
    cost_E: FloatArray
    """Per sample, cumulative, with what the policy itself costs."""


class Learned(NamedTuple):
    """A scorer, and the scores of the validation samples that rules are to be chosen on."""

    scorer: Scorer
    scores: Scores | None = None
    """Where the scorer was fitted to these samples: those of scorers that were fitted without them."""


@dataclass(frozen=True)
class ExitPolicy:
    """A way to choose exits, with everything that is fitted still open.

    `scorers` are fitted on validation predictions, without a budget; `rules` are fitted on their scores, for many
    budgets. What a policy needs of predictions is in `needs`; it works without logits where these are not among it.
    """

    name: str
    title: str
    scorers: Callable[[Predictions], Sequence[Learned]]
    rules: Callable[[Material], Sequence[Rule]]
    source: str
    needs: tuple[Known, ...] = ("confidence",)

    def fit(self, validation: Predictions) -> "PolicyCurve":
        """Return what the policy can do at each budget, fitted on validation predictions.

        Raises AbsentError where these lack what the policy needs, ValueError where it cannot be fitted on them.
        """
        base_E = needed(validation.cost_E, "costs").astype(np.float64)
        absent = [part for part in self.needs if part in validation.absent]
        if absent:
            needed(None, absent[0])
        seen_E = seen_by_exits(validation)
        points: list[Point] = []
        for scorer, given in self.scorers(validation):
            found = scores(scorer, seen_E) if given is None else given
            cost_E = base_E + _own(scorer, validation)
            right_EN = found.right_EN(validation)
            points += [
                _point(scorer, rule, found, right_EN, cost_E) for rule in self.rules(Material(found, right_EN, cost_E))
            ]
        first, last = (unasked(validation, row) for row in (0, validation.n_exits - 1))
        return PolicyCurve(self.name, tuple(points), first, last, validation.cost_unit)


def _own(scorer: Scorer, validation: Predictions) -> FloatArray:
    """Return what the policy costs, cumulative; 0 where costs are not in MUL-ADDs."""
    if validation.cost_unit != "MUL-ADDs":
        return np.zeros(validation.n_exits)
    n_classes = 0 if validation.logits_ENC is None else validation.logits_ENC.shape[2]
    return scorer.own_cost_E(validation.n_exits, n_classes).cumsum()


@dataclass(frozen=True, eq=False)
class Point:
    """A fitted policy and what it does on validation data."""

    scorer: Scorer
    rule: Rule
    cost_E: FloatArray
    """Per sample, cumulative, with what the policy itself costs."""
    mean_cost: float
    """Per validation sample."""
    accuracy: float
    """On validation data."""

    def offline(self, predictions: Predictions) -> "Taken":
        """Return where each sample of stored predictions leaves, and what is answered."""
        return self.taken(scores(self.scorer, seen_by_exits(predictions)), predictions)

    def taken(self, found: Scores, predictions: Predictions) -> "Taken":
        """Return the same from the scorer's scores of these predictions."""
        exit_N = exits_by(self.rule, found)
        return Taken(exit_N, np.asarray(at_exits(found.right_EN(predictions), exit_N)), self.cost_E[exit_N])

    def online(self) -> "Online":
        """Return the same policy for one batch in a running network."""
        return Online(self)


class Taken(NamedTuple):
    """Where N samples leave."""

    exit_N: IntArray
    """Row of the exit: 0 is exit 1."""
    right_N: BoolArray
    cost_N: FloatArray


class Decided(NamedTuple):
    """What a policy says of the M samples that are left, at one exit."""

    leaves_M: BoolArray
    answer_M: IntArray
    sure_M: FloatArray


class Online:
    """A fitted policy on its way through a network with one batch: `step` at each exit, `keep` after samples left."""

    def __init__(self, point: Point) -> None:
        self._point, self._row = point, 0
        self._memory: Memory = ()

    def step(self, logits_MC: LogitArray, /) -> Decided:
        """Return which of the remaining samples leave at the next exit, whose logits these are, and the answers."""
        point, row, seen = self._point, self._row, Seen(len(logits_MC), logits_MC)
        score = point.scorer.step(row, seen, self._memory)
        self._memory, self._row = score.memory, row + 1
        if row == len(point.cost_E) - 1:
            leaves_M = np.ones(len(logits_MC), dtype=np.bool_)
        else:
            leaves_M = point.rule.leaves(row, score.sure_M, score.answer_M)
        return Decided(leaves_M, seen.predicted_M if score.answer_M is None else score.answer_M, score.sure_M)

    def keep(self, rows_M: IntArray, /) -> None:
        """Forget all samples but those in these rows."""
        self._memory = tuple(values[rows_M] for values in self._memory)


@dataclass(frozen=True, eq=False)
class PolicyCurve:
    """A policy that is fitted for every budget: its points, of which one is chosen by cost on validation data."""

    name: str
    points: tuple[Point, ...]
    exit_one: Point
    """All samples leave at exit 1, without asking the policy."""
    last_exit: Point
    """All samples leave at the last exit, without asking the policy."""
    cost_unit: CostUnit = "MUL-ADDs"

    @cached_property
    def _numbers(self) -> tuple[FloatArray, FloatArray]:
        costs = np.array([point.mean_cost for point in self.points])
        return costs, np.array([point.accuracy for point in self.points])

    def at(self, budget: float) -> Point:
        """Return the most accurate point, on validation data, whose cost there is within a budget per sample.

        The cheapest of equally accurate ones; exit 1 for all samples where none is within it. Raises ValueError for a
        budget below the cost of exit 1.
        """
        if not within(np.array(self.exit_one.mean_cost), budget):
            raise ValueError(
                f"a budget of {in_unit(budget, self.cost_unit)} per sample is below the cost of exit 1, "
                f"{in_unit(self.exit_one.mean_cost, self.cost_unit)}"
            )
        cost_P, accuracy_P = self._numbers
        fits_M = np.flatnonzero(within(cost_P, budget))
        if not len(fits_M):
            return self.exit_one
        return self.points[int(fits_M[np.lexsort((cost_P[fits_M], -accuracy_P[fits_M]))[0]])]

    def without_loss(self) -> Point:
        """Return the cheapest point that is at least as accurate as the last exit, on validation data.

        The last exit for all samples where there is none.
        """
        cost_P, accuracy_P = self._numbers
        good_M = np.flatnonzero(accuracy_P >= self.last_exit.accuracy)
        return self.points[int(good_M[cost_P[good_M].argmin()])] if len(good_M) else self.last_exit


def _point(scorer: Scorer, rule: Rule, found: Scores, right_EN: BoolArray, cost_E: FloatArray) -> Point:
    exit_N = exits_by(rule, found)
    return Point(scorer, rule, cost_E, float(cost_E[exit_N].mean()), float(at_exits(right_EN, exit_N).mean()))


def unasked(validation: Predictions, row: int) -> Point:
    """Return the point by which all samples leave at one exit, without a policy."""
    cost_E = needed(validation.cost_E, "costs").astype(np.float64)
    rule = Thresholds(np.where(np.arange(len(cost_E)) >= row, -np.inf, np.inf))
    return Point(Unasked(), rule, cost_E, float(cost_E[row]), float(validation.correct_EN[row].mean()))
