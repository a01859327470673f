"""Ensembles of exits: an exit answers with those before it, and is as sure as their combination.

Averages cost C additions an exit; the MUL-ADDs of the exits before are spent anyway.
"""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from overthink.exit_policies.scoring import Memory, Score, Scorer
from overthink.exit_policies.seen import Seen
from overthink.predictions.arrays import FloatArray
from overthink.predictions.softmax import log_softmax, softmax


class Ensemble(Scorer):
    """A combination that is updated from exit to exit."""

    @abstractmethod
    def combined_MC(self, row: int, seen: Seen, memory: Memory) -> tuple[FloatArray, Memory]:  # noqa: N802
        """Return probabilities after an exit, and what is remembered."""

    def step(self, row: int, seen: Seen, memory: Memory) -> Score:
        """Return the largest probability and its class, the lowest of equal ones."""
        combined_MC, memory = self.combined_MC(row, seen, memory)
        return Score(combined_MC.max(axis=1), np.asarray(combined_MC.argmax(axis=1), dtype=np.int64), memory)

    def own_cost_E(self, n_exits: int, n_classes: int) -> FloatArray:  # noqa: N802
        """Return C for every exit after the first."""
        return np.array([0.0, *[float(n_classes)] * (n_exits - 1)])


class Mean(Ensemble):
    """The mean of the softmax outputs of all exits so far."""

    def combined_MC(self, row: int, seen: Seen, memory: Memory) -> tuple[FloatArray, Memory]:  # noqa: N802
        """Return the mean; the sum is remembered."""
        total_MC = seen.softmax_MC + memory[0] if memory else seen.softmax_MC
        return np.asarray(total_MC / (row + 1)), (total_MC,)


class ProductOfExperts(Ensemble):
    """The softmax outputs of all exits so far, multiplied and normalised (Hinton 2002)."""

    def combined_MC(self, row: int, seen: Seen, memory: Memory) -> tuple[FloatArray, Memory]:  # noqa: N802
        """Return the product; the sum of the logarithms is remembered."""
        total_MC = seen.log_softmax_MC + memory[0] if memory else seen.log_softmax_MC
        return softmax(total_MC), (total_MC,)


class GeometricMean(Ensemble):
    """The same with as much weight as one exit: the geometric mean, normalised."""

    def combined_MC(self, row: int, seen: Seen, memory: Memory) -> tuple[FloatArray, Memory]:  # noqa: N802
        """Return the mean; the sum of the logarithms is remembered."""
        total_MC = seen.log_softmax_MC + memory[0] if memory else seen.log_softmax_MC
        return softmax(total_MC / (row + 1)), (total_MC,)


class ConditionallyMonotone(Ensemble):
    """Jazbec et al. 2023: q_k(c) ~ prod_{j<=k} max(z_j(c), 0), on logits: a class once at 0 stays there.

    Where all classes are at 0, the exit's own softmax. It encourages that the probability of the right class never
    falls, and does not force it.
    """

    def combined_MC(self, row: int, seen: Seen, memory: Memory) -> tuple[FloatArray, Memory]:  # noqa: N802
        """Return the product; the sum of the logarithms, -inf for a class at 0, is remembered."""
        with np.errstate(divide="ignore"):
            log_MC = np.log(np.maximum(seen.logits_MC.astype(np.float64), 0))
        total_MC = log_MC + memory[0] if memory else log_MC
        gone_M = np.all(total_MC == -np.inf, axis=1)
        usable_MC = np.where(gone_M[:, None], seen.logits_MC, total_MC)
        return _softmax_with_zeros(usable_MC), (total_MC,)


def _softmax_with_zeros(log_MC: FloatArray) -> FloatArray:
    shifted_MC = np.exp(log_MC - log_MC.max(axis=1, keepdims=True))
    return np.asarray(shifted_MC / shifted_MC.sum(axis=1, keepdims=True))


class Caching(Scorer):
    """The answer of the most confident exit so far, the later one of equals (Jazbec et al. 2023); it costs nothing."""

    def step(self, row: int, seen: Seen, memory: Memory) -> Score:
        """Return the highest confidence so far and the class of that exit."""
        sure_M, answer_M = seen.max_softmax_M, seen.predicted_M
        if memory:
            before_M, answered_M = memory
            keeps_M = before_M > sure_M
            sure_M = np.where(keeps_M, before_M, sure_M)
            answer_M = np.where(keeps_M, answered_M, answer_M)
        return Score(sure_M, answer_M, (sure_M, answer_M))


@dataclass(frozen=True, eq=False)
class ZeroTimeWaste(Scorer):
    """Wolczyk et al. 2021: softmax of z_m = (1/m) sum_{j<=m} v_mj log p_j + b_m, with v >= 0, fitted for each exit m.

    The paper's v is exp(w). It costs m C multiplications at exit m.
    """

    weights: tuple[FloatArray, ...]
    """v of each exit m, (m,)."""
    bias_EC: FloatArray

    def step(self, row: int, seen: Seen, memory: Memory) -> Score:
        """Return the largest probability and its class; the logarithms of all exits are remembered."""
        memory = (*memory, seen.log_softmax_MC)
        z_MC = log_softmax(combined_logits(memory, self.weights[row], self.bias_EC[row]))
        return Score(np.exp(z_MC.max(axis=1)), np.asarray(z_MC.argmax(axis=1), dtype=np.int64), memory)

    def own_cost_E(self, n_exits: int, n_classes: int) -> FloatArray:  # noqa: N802
        """Return m C for exit m."""
        return np.arange(1.0, n_exits + 1) * n_classes


def combined_logits(log_JMC: tuple[FloatArray, ...], weight_J: FloatArray, bias_C: FloatArray) -> FloatArray:
    """Return (1/m) sum_j v_j log p_j + b, (M, C)."""
    total_MC = sum((weight * log_MC for weight, log_MC in zip(weight_J, log_JMC, strict=True)), start=np.zeros(1))
    return np.asarray(total_MC / len(log_JMC) + bias_C)
