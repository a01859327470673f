"""What computes a network on a device: torch, or the fast kernels for a CPU (`networks.fast`)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim.sgd import sgd

from overthink.networks.multi_exit import MultiExitNetwork
from overthink.networks.passage import Passage, TorchPassage

Logits = Callable[[Tensor], tuple[Tensor, ...]]
"""images_BKHW -> logits_BC of exits 1..E."""


class Descent(NamedTuple):
    """How a step of SGD changes weights."""

    lr: float
    momentum: float
    weight_decay: float


class Kernels(ABC):
    """Computes logits and takes steps of SGD; the weights stay in the network's own tensors."""

    @abstractmethod
    def training(self, network: MultiExitNetwork, equilibrium: bool = False) -> Logits:
        """Return logits with gradients, of a network whose modules are in the mode that they are to be trained in.

        With `equilibrium`, gradients are balanced between exits. Valid until a module's mode changes.
        """

    @abstractmethod
    def evaluation(self, network: MultiExitNetwork) -> Logits:
        """Return logits without gradients, of a network in evaluation mode; valid until a weight changes."""

    @abstractmethod
    def last_exit(self, network: MultiExitNetwork) -> Callable[[Tensor], Tensor]:
        """Return images_BKHW -> logits_BC of the last exit, without gradients, of a network in evaluation mode."""

    @abstractmethod
    def exit_by_exit(self, network: MultiExitNetwork) -> Callable[[Tensor], Passage]:
        """Return images_BKHW -> their passage through a network in evaluation mode, without gradients.

        A passage ends where the next one begins. Valid until a weight changes.
        """

    @abstractmethod
    def sgd(
        self, weights: Sequence[Tensor], gradients: Sequence[Tensor], momenta: list[Tensor | None], by: Descent
    ) -> None:
        """Take one step of SGD, formula and momenta those of torch.optim.SGD; None, before the first, is filled in."""


class TorchKernels(Kernels):
    """Torch's own operations, on any device."""

    def training(self, network: MultiExitNetwork, equilibrium: bool = False) -> Logits:
        """Return the network's forward pass."""
        return lambda images_BKHW: network(images_BKHW, equilibrium)

    def evaluation(self, network: MultiExitNetwork) -> Logits:
        """Return the network's forward pass."""
        return torch.no_grad()(network.forward)

    def last_exit(self, network: MultiExitNetwork) -> Callable[[Tensor], Tensor]:
        """Return the network's own shortest way to its last exit."""
        return torch.no_grad()(network.last_logits)

    def exit_by_exit(self, network: MultiExitNetwork) -> Callable[[Tensor], Passage]:
        """Return the network's own steps."""
        return lambda images_BKHW: TorchPassage(network, images_BKHW)

    def sgd(
        self, weights: Sequence[Tensor], gradients: Sequence[Tensor], momenta: list[Tensor | None], by: Descent
    ) -> None:
        """Take one step by torch's function: a torch.optim.SGD object imports a compiler, seconds per worker."""
        sgd(
            list(weights),
            list(gradients),
            momenta,
            weight_decay=by.weight_decay,
            momentum=by.momentum,
            lr=by.lr,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )


class Bfloat16Kernels(TorchKernels):
    """Torch's operations on a GPU that trains in bfloat16, weights and losses excepted; it evaluates in float32."""

    def training(self, network: MultiExitNetwork, equilibrium: bool = False) -> Logits:
        """Return the network's forward pass."""
        forward = super().training(network, equilibrium)

        def logits_of(images_BKHW: Tensor) -> tuple[Tensor, ...]:
            with torch.autocast(images_BKHW.device.type, dtype=torch.bfloat16):
                logits_EBC = forward(images_BKHW)
            return tuple(logits_BC.float() for logits_BC in logits_EBC)

        return logits_of


TORCH = TorchKernels()
BFLOAT16 = Bfloat16Kernels()
