"""JEI-DNN's gates on a network that is already trained (Regol et al. 2023).

Each exit but the last has a gate, g = sigmoid of a linear function of four features of its softmax. A sample's best
exit is k* = argmin_k CE_k + price * c_k / c_E, and every gate from k* on should be open. With P_k = max(0, min(g_k,
1 - sum_{j<k} g_j)), the hazard is a_k = clip(P_k / prod_{j<k} (1 - a_j), 0, 1), and a sample leaves at the first exit
with a_k >= 0.5. Positive samples of gate k are weighted min(5, (N - n_k) / n_k), n_k the samples with k* = k.

The paper trains gates and exits in turns by SGD; here the exits stay as they are, so that the loss of the gates is
convex and Newton's method finds its minimum. Where late exits are overconfident, their cross-entropy is high and k* is
early at every price, so hazards above 0.5 are tried, too: they reach the budgets that prices alone do not.
"""

from dataclasses import dataclass

import numpy as np

from overthink.exit_policies.features import gate_features
from overthink.exit_policies.logistic import fit_logistic, linear, sigmoid
from overthink.exit_policies.policy import Learned, Material
from overthink.exit_policies.rules import Thresholds
from overthink.exit_policies.scoring import Memory, Score, Scorer
from overthink.exit_policies.seen import Seen, seen_by_exits
from overthink.predictions.absent import needed
from overthink.predictions.arrays import FloatArray, IntArray
from overthink.predictions.predictions import Predictions

PRICES = np.geomspace(0.005, 20.0, 16)
LARGEST_WEIGHT = 5.0
HAZARDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""The paper's, and higher ones."""


@dataclass(frozen=True, eq=False)
class Gates(Scorer):
    """The hazard of each exit."""

    coefficient_EF: FloatArray

    def step(self, row: int, seen: Seen, memory: Memory) -> Score:
        """Return the hazard; the sum of gates and the share that is left are remembered."""
        if row == len(self.coefficient_EF):
            return Score(np.ones(seen.n_samples))
        gate_M = sigmoid(linear(gate_features(seen), self.coefficient_EF[row]))
        opened_M, left_M = memory or (np.zeros(len(gate_M)), np.ones(len(gate_M)))
        hazard_M = hazard(gate_M, opened_M, left_M)
        return Score(hazard_M, None, (opened_M + gate_M, left_M * (1 - hazard_M)))

    def own_cost_E(self, n_exits: int, n_classes: int) -> FloatArray:  # noqa: N802
        """Return 9 C + 6 for each gate, as the paper's code counts."""
        return np.array([*[9.0 * n_classes + 6] * (n_exits - 1), 0.0])


def hazard(gate_M: FloatArray, opened_M: FloatArray, left_M: FloatArray) -> FloatArray:
    """Return a_k from g_k, the sum of the gates before it, and prod_{j<k} (1 - a_j)."""
    chance_M = np.maximum(0.0, np.minimum(gate_M, 1 - opened_M))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(left_M > 0, np.clip(chance_M / left_M, 0, 1), 1.0))


def fit_gates(validation: Predictions) -> list[Learned]:
    """Return gates for each price."""
    labels_N, cost_E = needed(validation.labels_N, "labels"), needed(validation.cost_E, "costs")
    seen_E = seen_by_exits(validation)
    loss_EN = np.stack([-seen.log_softmax_MC[np.arange(len(labels_N)), labels_N] for seen in seen_E])
    feature_ENF = np.stack([gate_features(seen) for seen in seen_E[:-1]])
    share_E = cost_E / cost_E[-1]
    best = [np.asarray((loss_EN + price * share_E[:, None]).argmin(axis=0)) for price in PRICES]
    distinct = {best_N.tobytes(): best_N for best_N in best}
    found: list[Learned] = []
    start_EF = None
    for best_N in distinct.values():
        gates = gates_for(feature_ENF, best_N, start_EF)
        start_EF = gates.coefficient_EF
        found.append(Learned(gates))
    return found


def gates_for(feature_ENF: FloatArray, best_N: IntArray, start_EF: FloatArray | None = None) -> Gates:
    """Return the gates for the best exit of each sample, rows of exits (N,)."""
    found = []
    for row, feature_NF in enumerate(feature_ENF):
        open_N = best_N <= row
        n, n_row = len(best_N), int((best_N == row).sum())
        weight = min(LARGEST_WEIGHT, (n - n_row) / n_row) if n_row else LARGEST_WEIGHT
        weight_N = np.where(open_N, max(weight, 1e-6), 1.0)
        found.append(fit_logistic(feature_NF, open_N, weight_N, None if start_EF is None else start_EF[row]))
    return Gates(np.stack(found))


def open_gates(material: Material) -> list[Thresholds]:
    """Return the rules: a sample leaves at the first exit whose hazard is high enough."""
    return [Thresholds(np.full(len(material.cost_E), least)) for least in HAZARDS]
