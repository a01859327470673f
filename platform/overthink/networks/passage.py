"""One batch on its way through a network, exit by exit: samples that exit are not computed any further."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from overthink.networks.multi_exit import Carry, MultiExitNetwork


class Passage(ABC):
    """The samples of one batch that are left, M of them."""

    @abstractmethod
    def next_logits(self) -> Tensor:
        """Return logits_MC of the next exit, the first one at first."""

    @abstractmethod
    def keep(self, rows_M: Tensor) -> None:
        """Let all but these rows of the samples leave; int64, ascending, on the CPU."""


class TorchPassage(Passage):
    """By torch's own operations, on any device."""

    def __init__(self, network: MultiExitNetwork, images_BKHW: Tensor) -> None:
        self._network, self._carry, self._number = network, Carry((images_BKHW,)), 0
        self._device = images_BKHW.device

    @torch.no_grad()
    def next_logits(self) -> Tensor:
        """Return logits_MC of the next exit."""
        self._number += 1
        logits_MC, self._carry = self._network.step(self._number, self._carry)
        return logits_MC

    def keep(self, rows_M: Tensor) -> None:
        """Let all but these rows of the samples leave."""
        self._carry = self._carry.rows(rows_M.to(self._device))
