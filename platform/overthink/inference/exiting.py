"""Early exiting on a network: confident samples leave the batch, and later blocks run on the remaining ones only."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from overthink.inference.patience import PATIENCE
from overthink.networks.kernels import TORCH, Kernels
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.networks.passage import Passage
from overthink.predictions import softmax
from overthink.predictions.arrays import FloatArray, LogitArray

SURENESS: dict[str, Callable[[LogitArray], FloatArray]] = {
    "max_softmax": softmax.max_softmax,
    "entropy": lambda logits_BC: -softmax.entropy(logits_BC),
    "top2_ratio": softmax.top2_ratio,
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
        criterion: str = "max_softmax",
        kernels: Kernels = TORCH,
    ) -> None:
        """Raise ValueError for an unknown criterion, a wrong number of thresholds, and a threshold that is NaN."""
        check_rule(criterion, threshold_E, network.n_exits)
        self.network = network.eval()
        self.criterion = criterion
        self._threshold_E = threshold_E
        self._begin = kernels.exit_by_exit(self.network)

    @torch.inference_mode()
    def __call__(self, images_BKHW: Tensor) -> Exited:
        """Return predictions for normalised images (float32); exits after a sample's own are not computed for it.

        Raises ValueError for no images.
        """
        if not len(images_BKHW):
            raise ValueError("there are no images to predict")
        return exited(self._begin(images_BKHW), len(images_BKHW), self._threshold_E, self.criterion)


def check_rule(criterion: str, threshold_E: Sequence[float], n_exits: int) -> None:
    """Raise ValueError for an unknown criterion, a wrong number of thresholds, and a threshold that is NaN."""
    if criterion not in (*SURENESS, PATIENCE):
        raise ValueError(f"confidence must be one of {', '.join(SURENESS)}, {PATIENCE}, got {criterion!r}")
    if len(threshold_E) != n_exits or np.isnan(threshold_E).any():
        raise ValueError(f"expected {n_exits} thresholds, one per exit, got {list(threshold_E)}")


def exited(passage: Passage, n_samples: int, threshold_E: Sequence[float], criterion: str) -> Exited:
    """Return where the samples of a passage that begins exit, and with what logits; see `EarlyExit`."""
    leaving = list(_leaving(passage, n_samples, [*threshold_E[:-1], -np.inf], criterion))
    if len(leaving) == 1:
        return leaving[0].exited
    order_B = torch.cat([group.rows_L for group in leaving]).argsort()
    return Exited(*(torch.cat(parts)[order_B] for parts in zip(*(group.exited for group in leaving), strict=True)))


def _leaving(passage: Passage, n_samples: int, limits: Sequence[float], criterion: str) -> Iterator[_Leaving]:
    rows_M = torch.arange(n_samples)
    streak_M, before_M = torch.zeros_like(rows_M), torch.full_like(rows_M, -1)
    for row, limit in enumerate(limits):
        logits_MC = passage.next_logits().cpu()
        if criterion == PATIENCE:
            predicted_M = logits_MC.argmax(dim=1)
            streak_M, before_M = torch.where(predicted_M == before_M, streak_M + 1, 1), predicted_M
            sure_M = streak_M.double()
        else:
            sure_M = torch.from_numpy(SURENESS[criterion](logits_MC.numpy()))
        leaves_M = sure_M >= limit
        n_leave = int(leaves_M.sum())
        if n_leave == len(rows_M):
            yield _left(rows_M, row, sure_M, logits_MC)
            return
        if n_leave:
            yield _left(rows_M[leaves_M], row, sure_M[leaves_M], logits_MC[leaves_M])
            stays_M = (~leaves_M).nonzero()[:, 0]
            rows_M, streak_M, before_M = rows_M[stays_M], streak_M[stays_M], before_M[stays_M]
            passage.keep(stays_M)


def _left(rows_L: Tensor, row: int, sure_L: Tensor, logits_LC: Tensor) -> _Leaving:
    return _Leaving(rows_L, Exited(logits_LC.argmax(dim=1), torch.full_like(rows_L, row), sure_L, logits_LC))
