"""How much of an oracle is luck: the exits that are right in training A, taken in training B.

An oracle sends every sample to its cheapest right exit, so it knows the labels and which exits of its own training
happen to be right. Taken over to another training of the same network it keeps what belongs to the samples and loses
the luck. It uses labels: a diagnostic, not an upper bound. Protocol after a study of 15 networks of three trainings
each, as its author revised it (docs/references.md): a budget upgrades samples from exit 1 to their first right exit by
increasing extra cost, the last group in part; samples that no exit gets right stay at exit 1; the transferred oracle
then costs less than the budget, so it is compared with the confidence rule at the budget and at what it really costs.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from overthink.inference.budget_oracle import within
from overthink.predictions.absent import CostUnit
from overthink.predictions.arrays import BoolArray, CostArray, FloatArray, IntArray
from overthink.statistics.crossed import crossed_parts, leave_out
from overthink.statistics.jackknife import Interval

SHARES = tuple(round(0.05 * step, 2) for step in range(1, 21))
"""Budgets of the curves, as shares of the last exit's cost."""
ConfidenceRule = Callable[[int, float], float | None]
"""Training and budget per sample -> accuracy of leaving early by confidence; None where nothing fits."""


class AtBudget(NamedTuple):
    """Accuracies at one budget, means over trainings (oracle, confidence) or over ordered pairs (transferred)."""

    budget: float
    """MUL-ADDs per sample."""
    cost: float
    """What the oracle spends of it; the transferred one spends the same."""
    oracle: float
    transferred: float
    confidence: float | None
    """At the budget; None without validation data, or where no thresholds fit."""
    confidence_at_cost: float | None
    """At the oracle's cost."""


class TransferredOracle(NamedTuple):
    """Without a budget, with intervals over new trainings and samples; and over budgets."""

    oracle: Interval
    transferred: Interval
    last: Interval
    """Accuracy of the last exit."""
    luck: Interval
    """Oracle minus transferred oracle."""
    over_last: Interval
    """Transferred oracle minus last exit."""
    curve: tuple[AtBudget, ...]
    """Empty where costs are not known."""
    unit: CostUnit = "MUL-ADDs"
    """Of the costs of the curve."""


def transferred_oracle(
    correct_REN: BoolArray, cost_E: CostArray | None, confidence_rule: ConfidenceRule | None = None
) -> TransferredOracle:
    """Return the oracle of each training, scored on every other one. Raises ValueError for fewer than two."""
    repeats = len(correct_REN)
    if repeats < 2:
        raise ValueError(f"an oracle is taken over to another training, and there is {repeats}")
    taken_RRN = _transferred(correct_REN)
    solved_RN = np.asarray(correct_REN.any(axis=1))

    def parts(models: Sequence[int]) -> FloatArray:
        chosen = list(models)
        pairs_N = taken_RRN[np.ix_(chosen, chosen)].sum(axis=(0, 1)) / (len(chosen) * (len(chosen) - 1))
        solved_N, last_N = solved_RN[chosen].mean(axis=0), correct_REN[chosen, -1].mean(axis=0)
        return np.stack([solved_N, pairs_N, last_N, solved_N - pairs_N, pairs_N - last_N])

    oracle, transferred, last, luck, over_last = crossed_parts(leave_out(parts, repeats), differences={4})
    curve = () if cost_E is None else _curve(correct_REN, cost_E, confidence_rule)
    return TransferredOracle(oracle, transferred, last, luck, over_last, curve)


def _transferred(correct_REN: BoolArray) -> BoolArray:
    """Return (R, R, N): whether B is right at A's first right exit, else at the last; False where A is B."""
    repeats, n_exits, n = correct_REN.shape
    taken_RRN = np.zeros((repeats, repeats, n), dtype=np.bool_)
    for a in range(repeats):
        exit_N = np.where(correct_REN[a].any(axis=0), correct_REN[a].argmax(axis=0), n_exits - 1)
        taken_RRN[a] = np.take_along_axis(correct_REN, exit_N[None, None], axis=1)[:, 0]
        taken_RRN[a, a] = False
    return taken_RRN


def _curve(correct_REN: BoolArray, cost_E: CostArray, rule: ConfidenceRule | None) -> tuple[AtBudget, ...]:
    """Return accuracies at SHARES of the last exit's cost that exit 1 fits."""
    first_RN = np.where(correct_REN.any(axis=1), correct_REN.argmax(axis=1), -1)
    gained_RRE, kept_RR = _tables(correct_REN, first_RN)
    share_RE = np.stack([(first_RN == e).mean(axis=1) for e in range(len(cost_E))], axis=1)
    budgets = [share * float(cost_E[-1]) for share in SHARES]
    fitting = [budget for budget in budgets if within(np.array(float(cost_E[0])), budget)]
    return tuple(_at(budget, share_RE, gained_RRE, kept_RR, cost_E, rule) for budget in fitting)


def _tables(correct_REN: BoolArray, first_RN: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return what upgrading A's samples to exit e gains in B, (R, R, E), and B's accuracy at exit 1 for all, (R, R)."""
    repeats, n_exits, n = correct_REN.shape
    gained_RRE = np.zeros((repeats, repeats, n_exits))
    for e in range(1, n_exits):
        group_RN = (first_RN == e).astype(np.float32)
        difference_RN = correct_REN[:, e].astype(np.float32) - correct_REN[:, 0]
        gained_RRE[:, :, e] = (group_RN @ difference_RN.T) / n
    return gained_RRE, np.broadcast_to(correct_REN[:, 0].mean(axis=1), (repeats, repeats))


def _at(
    budget: float,
    share_RE: FloatArray,
    gained_RRE: FloatArray,
    kept_RR: FloatArray,
    cost_E: CostArray,
    rule: ConfidenceRule | None,
) -> AtBudget:
    taken_RE = np.stack([upgraded(share_E, cost_E, budget) for share_E in share_RE])
    cost_R = cost_E[0] + (taken_RE * share_RE) @ (cost_E - cost_E[0])
    accuracy_RR = kept_RR + np.einsum("abe,ae->ab", gained_RRE, taken_RE)
    repeats = len(accuracy_RR)
    own = accuracy_RR.trace() / repeats
    others = (accuracy_RR.sum() - accuracy_RR.trace()) / (repeats * (repeats - 1))
    cost = float(cost_R.mean())
    of_rule = [_mean([rule(r, spent) for r in range(repeats)]) if rule else None for spent in (budget, cost)]
    return AtBudget(budget, cost, float(own), float(others), *of_rule)


def _mean(accuracies: Sequence[float | None]) -> float | None:
    known = [accuracy for accuracy in accuracies if accuracy is not None]
    return sum(known) / len(known) if len(known) == len(accuracies) else None


def upgraded(share_E: FloatArray, cost_E: CostArray, budget: float) -> FloatArray:
    """Return (E,): which part of the samples whose first right exit is e is sent there, cheapest first.

    >>> upgraded(np.array([0.5, 0.2, 0.2]), np.array([10, 20, 40]), budget=15.0).tolist()
    [0.0, 1.0, 0.5]
    """
    taken_E, left = np.zeros(len(cost_E)), max(budget - float(cost_E[0]), 0.0)
    for e in range(1, len(cost_E)):
        price = share_E[e] * float(cost_E[e] - cost_E[0])
        taken_E[e] = 1.0 if price <= left else left / price
        left = max(left - taken_E[e] * price, 0.0)  # rounding may leave less than nothing
    return taken_E
