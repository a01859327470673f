"""Optimal stopping on binned scores: the best that scores alone can do, if only the present one matters.

A state is an exit k and a bin b of its score. On validation data, a_k(b) is the accuracy of the samples in it, and
T_k(b, b') the share of them that exit k + 1 has in bin b'. For a price of cost, V_E(b) = a_E(b) and, backwards,
V_k(b) = max(a_k(b), sum_b' T_k(b, b') V_{k+1}(b') - price * (c_{k+1} - c_k)): a sample leaves where the first of the
two is not the smaller one (Bellman's equation; the derivation is ours). It supposes that a score says all about the
future that earlier ones could say.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from overthink.exit_policies.policy import Material
from overthink.exit_policies.rules import Rule
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray

PRICES = np.array([0.0, *np.geomspace(0.002, 4.0, 90)])
"""Of the last exit's cost, in accuracy."""
SAMPLES_A_BIN = 60
FEWEST_BINS, MOST_BINS = 2, 24
PRIOR = 1.0
"""Samples by which transitions and accuracies are smoothed, towards those of the whole exit."""


@dataclass(frozen=True, eq=False)
class Bins(Rule):
    """A sample leaves where its score is in a bin that says so."""

    edge_EB: FloatArray
    """Inner edges of the bins of each exit, ascending; a score on an edge belongs to the bin above it."""
    stop_EB: BoolArray

    def leaves(self, row: int, sure_M: FloatArray, answer_M: IntArray | None) -> BoolArray:
        """Return whether the score's bin says so."""
        return np.asarray(self.stop_EB[row, bins(self.edge_EB[row], sure_M)])


def bins(edge_B: FloatArray, sure_M: FloatArray) -> IntArray:
    """Return the bin of each score, from 0."""
    return np.asarray(np.searchsorted(edge_B, sure_M, side="right"), dtype=np.int64)


def optimal_stopping(material: Material) -> list[Bins]:
    """Return the best rule for each price; equal ones once."""
    sure_EN, right_EN = material.scores.sure_EN, material.right_EN
    n_bins = int(np.clip(sure_EN.shape[1] // SAMPLES_A_BIN, FEWEST_BINS, MOST_BINS))
    edge_EB = np.quantile(sure_EN, np.arange(1, n_bins) / n_bins, axis=1).T
    bin_EN = np.stack([bins(edge_B, sure_N) for edge_B, sure_N in zip(edge_EB, sure_EN, strict=True)])
    accuracy_EB = np.stack([_accuracy(b_N, right_N, n_bins) for b_N, right_N in zip(bin_EN, right_EN, strict=True)])
    move_EBB = np.stack([_moves(a_N, b_N, n_bins) for a_N, b_N in pairwise(bin_EN)])
    extra_E = np.diff(material.cost_E) / material.cost_E[-1]
    stops = [stops_for(accuracy_EB, move_EBB, extra_E, price) for price in PRICES]
    distinct = {stop_EB.tobytes(): stop_EB for stop_EB in stops}
    return [Bins(edge_EB, stop_EB) for stop_EB in distinct.values()]


def stops_for(accuracy_EB: FloatArray, move_EBB: FloatArray, extra_E: FloatArray, price: float) -> BoolArray:
    """Return in which bins a sample leaves, (E, B), for a price of cost; extra_E: of going on from each exit."""
    value_B, stop = accuracy_EB[-1], [np.ones(accuracy_EB.shape[1], dtype=np.bool_)]
    for row in range(len(extra_E) - 1, -1, -1):
        going_on_B = move_EBB[row] @ value_B - price * extra_E[row]
        stop.append(np.asarray(accuracy_EB[row] >= going_on_B))
        value_B = np.maximum(accuracy_EB[row], going_on_B)
    return np.stack(stop[::-1])


def _accuracy(bin_N: IntArray, right_N: BoolArray, n_bins: int) -> FloatArray:
    count_B = np.bincount(bin_N, minlength=n_bins)
    right_B = np.bincount(bin_N, right_N.astype(np.float64), n_bins)
    return np.asarray((right_B + PRIOR * right_N.mean()) / (count_B + PRIOR))


def _moves(bin_N: IntArray, next_N: IntArray, n_bins: int) -> FloatArray:
    count_BB = np.bincount(bin_N * n_bins + next_N, minlength=n_bins**2).reshape(n_bins, n_bins).astype(np.float64)
    share_B = np.bincount(next_N, minlength=n_bins) / len(next_N)
    return np.asarray((count_BB + PRIOR * share_B) / (count_BB.sum(axis=1, keepdims=True) + PRIOR))
