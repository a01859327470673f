"""Thresholds by direct search on validation data: those that are most accurate for what they cost.

For a price of cost, the thresholds that maximise accuracy - price * cost are searched one exit at a time, from the
last to the first, over all candidates of that exit at once, until none changes. What a sample gains by leaving at exit
i is known once all later thresholds are: its value here minus its value where it would leave else, so that the best
threshold is the maximum of a cumulative sum over samples by score. Several prices give thresholds for all budgets;
between two neighbouring prices, thresholds in between are tried as well. It is not convex: what is found is the best
local optimum of some starts: all samples leave at one exit, or as the price before has it.
"""

from typing import NamedTuple

import numpy as np

from overthink.exit_policies.policy import Material
from overthink.exit_policies.rules import Thresholds
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray

CANDIDATES = 64
"""Thresholds that are tried for each exit: quantiles of its scores. Every score as a threshold would overfit."""
PRICES = np.array([0.0, *np.geomspace(0.003, 3.0, 22)])
"""Of the last exit's cost, in accuracy."""
SWEEPS = 12
BETWEEN = 7
"""Combinations that are tried between the thresholds of two prices."""


class _Search(NamedTuple):
    """The validation samples by the candidates that they reach."""

    place_EN: IntArray
    """How many candidates of an exit a sample's score reaches, 0 to G: it leaves by candidate g where this is > g."""
    right_EN: BoolArray
    cost_E: FloatArray
    """Relative to the last exit's."""


def direct_search(material: Material) -> list[Thresholds]:
    """Return the thresholds that were found; which of them fits a budget best is seen on the same data."""
    sure_EN = material.scores.sure_EN
    candidate_E = [candidates(sure_N) for sure_N in sure_EN[:-1]]
    place_EN = np.stack([np.searchsorted(g, s, side="right") for g, s in zip(candidate_E, sure_EN[:-1], strict=True)])
    search = _Search(place_EN, material.right_EN, material.cost_E / material.cost_E[-1])
    never_E = np.array([len(one) for one in candidate_E])
    rows = np.arange(len(never_E))
    at_one_exit = [np.where(rows == row, 0, never_E) for row in rows]
    found, before_E = [never_E], never_E
    for price in PRICES:
        starts = [before_E, never_E, *at_one_exit]
        chosen = max((_climb(search, start_E, price) for start_E in starts), key=lambda one: one[0])
        found += [*_between(before_E, chosen[1]), chosen[1]]
        before_E = chosen[1]
    return [Thresholds(_values(candidate_E, chosen_E)) for chosen_E in np.unique(np.stack(found), axis=0)]


def candidates(sure_N: FloatArray) -> FloatArray:
    """Return the thresholds that are tried: quantiles of the scores, each once, ascending; every score if few."""
    values = np.unique(sure_N)
    if len(values) <= CANDIDATES:
        return values
    return np.unique(np.quantile(sure_N, np.linspace(0, 1, CANDIDATES), method="nearest"))


def _climb(search: _Search, chosen_E: IntArray, price: float) -> tuple[float, IntArray]:
    """Return the objective and the candidates of a local optimum; each row a candidate's number, G for never."""
    chosen_E = chosen_E.copy()
    value_EN = search.right_EN - price * search.cost_E[:, None]
    for _ in range(SWEEPS):
        before_E = chosen_E.copy()
        left_EN = np.logical_or.accumulate(search.place_EN > chosen_E[:, None], axis=0)
        later_N = value_EN[-1]
        for row in range(len(chosen_E) - 1, -1, -1):
            here_N = ~left_EN[row - 1] if row else np.ones(len(later_N), dtype=np.bool_)
            gain_N = (value_EN[row] - later_N)[here_N]
            chosen_E[row] = _best(search.place_EN[row, here_N], gain_N, int(chosen_E[row]))
            later_N = np.where(search.place_EN[row] > chosen_E[row], value_EN[row], later_N)
        if (chosen_E == before_E).all():
            break
    return float(later_N.mean()), chosen_E


def _best(place_M: IntArray, gain_M: FloatArray, kept: int) -> int:
    """Return the candidate by which those that leave gain most; the one that was chosen where none is better."""
    n = max(int(place_M.max(initial=0)), kept) + 1
    by_place = np.bincount(place_M, gain_M, minlength=n)
    gain_G = np.append(by_place[::-1].cumsum()[::-1][1:], 0.0)  # candidate g: all with place > g; the last: nobody
    best = int(gain_G.argmax())
    return best if gain_G[best] > gain_G[kept] + 1e-12 else kept


def _between(one_E: IntArray, other_E: IntArray) -> list[IntArray]:
    shares = np.arange(1, BETWEEN + 1) / (BETWEEN + 1)
    return [np.rint(one_E + share * (other_E - one_E)).astype(np.int64) for share in shares]


def _values(candidate_E: list[FloatArray], chosen_E: IntArray) -> FloatArray:
    found = [np.append(values, np.inf)[number] for values, number in zip(candidate_E, chosen_E, strict=True)]
    return np.array([*found, -np.inf])
