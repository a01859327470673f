"""Exiting for real: a sample that is sure enough leaves the batch, and later blocks run on the others only."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from overthink import softmax
from overthink.arrays import FloatArray, LogitArray
from overthink.networks.multi_exit import MultiExitNetwork, Passage

SURENESS: dict[str, Callable[[LogitArray], FloatArray]] = {
    "max_softmax": softmax.max_softmax,
    "entropy": lambda logits_BC: -softmax.entropy(logits_BC),
    "top2_ratio": softmax.top2_ratio,
}
"""Criterion -> confidence_B of logits_BC, as `confidence` has it of stored predictions."""


class Exited(NamedTuple):
    """How samples left, in the order they came; on the CPU."""

    predicted_B: Tensor
    exit_B: Tensor
    """Row of the exit: 0 is exit 1."""
    confidence_B: Tensor
    """float64, by the criterion."""
    logits_BC: Tensor
    """Of the exit that each left at."""


class EarlyExit:
    """A network in which each sample leaves at the first exit that is at least as sure as the exit's threshold.

    The last exit takes whatever is left, whatever its threshold. Exits are those of `thresholds.exits_taken` on the
    logits of the whole network, but where a confidence is within rounding of its threshold: how many samples a batch
    has, and whether BatchNorm is folded, moves the last bits of logits.
    """

    def __init__(self, network: MultiExitNetwork, threshold_E: Sequence[float], criterion: str = "max_softmax") -> None:
        """Raise ValueError for another criterion, another number of thresholds than exits, and one that is NaN."""
        if criterion not in SURENESS:
            raise ValueError(f"confidence must be one of {', '.join(SURENESS)} to leave by, got {criterion!r}")
        if len(threshold_E) != network.n_exits or np.isnan(threshold_E).any():
            raise ValueError(f"expected {network.n_exits} thresholds, one an exit, got {list(threshold_E)}")
        self.network = network.eval()
        self.criterion = criterion
        self._limits = [*threshold_E[:-1], -np.inf]

    @torch.inference_mode()
    def __call__(self, images_BKHW: Tensor) -> Exited:
        """Return predictions for normalised images (float32), computing no exit for samples that have left."""
        confidence_B, exit_B = torch.empty(len(images_BKHW), dtype=torch.float64), torch.empty(len(images_BKHW)).long()
        logits_BC: Tensor | None = None
        rows_M = torch.arange(len(images_BKHW))
        passage = Passage((images_BKHW,))
        for row, limit in enumerate(self._limits):
            logits_MC, passage = self.network.step(row + 1, passage)
            logits_MC = logits_MC.cpu()
            sure_M = torch.from_numpy(SURENESS[self.criterion](logits_MC.numpy()))
            leaves_M = sure_M >= limit
            left_L = rows_M[leaves_M]
            if logits_BC is None:
                logits_BC = torch.empty(len(images_BKHW), logits_MC.shape[1])
            logits_BC[left_L], confidence_B[left_L], exit_B[left_L] = logits_MC[leaves_M], sure_M[leaves_M], row
            if len(left_L) == len(rows_M):
                break
            if len(left_L):
                stays_M = (~leaves_M).nonzero()[:, 0]
                rows_M, passage = rows_M[stays_M], passage.rows(stays_M.to(images_BKHW.device))
        assert logits_BC is not None
        return Exited(logits_BC.argmax(dim=1), exit_B, confidence_B, logits_BC)
