"""Early exiting on a network: confident samples leave the batch, and later blocks run on the remaining ones only."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from overthink.inference.confidence import criterion_named
from overthink.inference.patience import PATIENCE
from overthink.networks.kernels import TORCH, Kernels
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.networks.passage import Passage
from overthink.predictions import softmax
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray, LogitArray

SURENESS: dict[str, Callable[[LogitArray], FloatArray]] = {
    "max-softmax": softmax.max_softmax,
    "entropy": lambda logits_BC: -softmax.entropy(logits_BC),
    "top2-ratio": softmax.top2_ratio,
}
"""Criterion -> function from logits_BC to confidence_B; equals `confidence` of stored predictions."""


class Exited(NamedTuple):
    """Predictions of an early-exit network, in the order of the samples; on the CPU."""

    predicted_B: Tensor
    exit_B: Tensor
    """Row of the exit: 0 is exit 1."""
    confidence_B: Tensor
    """float64, by the criterion."""
    logits_BC: Tensor
    """Of the exit that each sample exits at."""


class _Leaving(NamedTuple):
    rows_L: Tensor
    """Their rows in the batch."""
    exited: Exited


class OneBatch(Protocol):
    """A rule on its way through a network with one batch."""

    def step(self, logits_MC: LogitArray, /) -> tuple[BoolArray, IntArray, FloatArray]:
        """Return whether each of the M remaining samples leaves at the next exit, its answer, and how sure it is.

        At the last exit all of them leave.
        """

    def keep(self, rows_M: IntArray, /) -> None:
        """Forget all samples but those in these rows."""


class LeavingRule(Protocol):
    """A rule by which samples leave; `exit_policies` has more of them than thresholds."""

    def online(self) -> OneBatch:
        """Return it for one batch."""


class LeavingByRule:
    """A network in which samples leave by a rule; exits after a sample's own are not computed for it."""

    def __init__(self, network: MultiExitNetwork, rule: LeavingRule, kernels: Kernels = TORCH) -> None:
        self.network, self.rule = network.eval(), rule
        self._begin = kernels.exit_by_exit(self.network)

    @torch.inference_mode()
    def __call__(self, images_BKHW: Tensor) -> Exited:
        """Return predictions for normalised images (float32). Raises ValueError for no images."""
        if not len(images_BKHW):
            raise ValueError("there are no images to predict")
        return _exited(self._begin(images_BKHW), len(images_BKHW), self.rule)


def exited(passage: Passage, n_samples: int, threshold_E: Sequence[float], criterion: str) -> Exited:
    """Return where the samples of a passage that begins exit, and with what logits; see `EarlyExit`."""
    return _exited(passage, n_samples, _ByThresholds((*threshold_E[:-1], -np.inf), criterion_named(criterion)))


def _exited(passage: Passage, n_samples: int, rule: LeavingRule) -> Exited:
    leaving = list(_leaving(passage, n_samples, rule.online()))
    if len(leaving) == 1:
        return leaving[0].exited
    order_B = torch.cat([group.rows_L for group in leaving]).argsort()
    return Exited(*(torch.cat(parts)[order_B] for parts in zip(*(group.exited for group in leaving), strict=True)))


def _leaving(passage: Passage, n_samples: int, online: OneBatch) -> Iterator[_Leaving]:
    rows_M = torch.arange(n_samples)
    for row in count():  # at the last exit all leave
        logits_MC = passage.next_logits().cpu()
        if not bool(logits_MC.isfinite().all()):
            raise ValueError(f"the network's answers are no numbers at exit {row + 1}")
        leaves, answers, sure = map(torch.from_numpy, online.step(logits_MC.numpy()))
        if bool(leaves.all()):
            yield _left(rows_M, row, answers, sure, logits_MC)
            return
        if bool(leaves.any()):
            yield _left(rows_M[leaves], row, answers[leaves], sure[leaves], logits_MC[leaves])
            stays_M = (~leaves).nonzero()[:, 0]
            rows_M = rows_M[stays_M]
            online.keep(stays_M.numpy())
            passage.keep(stays_M)


def _left(rows_L: Tensor, row: int, answer_L: Tensor, sure_L: Tensor, logits_LC: Tensor) -> _Leaving:
    return _Leaving(rows_L, Exited(answer_L, torch.full_like(rows_L, row), sure_L, logits_LC))


class EarlyExit:
    """A network in which each sample exits at the first exit with a confidence of at least the exit's threshold.

    All remaining samples exit at the last exit, whatever its threshold. Exits equal those of `thresholds.exits_taken`
    on the logits of the whole network, unless a confidence is within rounding error of its threshold: batch size,
    folded BatchNorm and other kernels change the last bits of logits.
    """

    def __init__(
        self,
        network: MultiExitNetwork,
        threshold_E: Sequence[float],
        criterion: str = "max-softmax",
        kernels: Kernels = TORCH,
    ) -> None:
        """Raise ValueError for an unknown criterion, a wrong number of thresholds, and a threshold that is NaN."""
        self.network, self.criterion = network.eval(), check_rule(criterion, threshold_E, network.n_exits)
        self._leaving = LeavingByRule(network, _ByThresholds((*threshold_E[:-1], -np.inf), self.criterion), kernels)

    def __call__(self, images_BKHW: Tensor) -> Exited:
        """Return predictions for normalised images (float32); exits after a sample's own are not computed for it.

        Raises ValueError for no images.
        """
        return self._leaving(images_BKHW)


def check_rule(criterion: str, threshold_E: Sequence[float], n_exits: int) -> str:
    """Return the criterion's name.

    Raises ValueError for an unknown one, a wrong number of thresholds, and a threshold that is NaN.
    """
    known = criterion_named(criterion)
    if len(threshold_E) != n_exits or np.isnan(threshold_E).any():
        raise ValueError(f"expected {n_exits} thresholds, one per exit, got {list(threshold_E)}")
    return known


class _ByThresholds(NamedTuple):
    limits: tuple[float, ...]
    criterion: str

    def online(self) -> "_OneBatchByThresholds":
        return _OneBatchByThresholds(self)


class _OneBatchByThresholds:
    def __init__(self, rule: _ByThresholds) -> None:
        self._rule, self._row = rule, 0
        self._streak_M: FloatArray | None = None
        self._before_M: IntArray | None = None

    def step(self, logits_MC: LogitArray, /) -> tuple[BoolArray, IntArray, FloatArray]:
        limit, self._row = self._rule.limits[self._row], self._row + 1
        predicted_M = logits_MC.argmax(axis=1)
        if self._rule.criterion != PATIENCE:
            sure_M = SURENESS[self._rule.criterion](logits_MC)
        elif self._streak_M is None:
            sure_M = np.ones(len(logits_MC))
        else:
            sure_M = np.where(predicted_M == self._before_M, self._streak_M + 1, 1.0)
        self._streak_M, self._before_M = sure_M, predicted_M
        return np.asarray(sure_M >= limit), predicted_M, sure_M

    def keep(self, rows_M: IntArray, /) -> None:
        assert self._streak_M is not None
        assert self._before_M is not None
        self._streak_M, self._before_M = self._streak_M[rows_M], self._before_M[rows_M]
