"""The fast kernels as what computes a network (`networks.kernels`)."""

from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from overthink.networks.fast.backbone import Backbone, bound
from overthink.networks.fast.library import Library
from overthink.networks.fast.lowering import plan_of
from overthink.networks.kernels import Kernels, Logits
from overthink.networks.multi_exit import MultiExitNetwork

Shape = tuple[int, int, int]


class NativeKernels(Kernels):
    """The fast kernels, on a CPU. The same seeds give the same bits at any number of threads."""

    def __init__(self, library: Library, threads: int, roll: int = 0) -> None:
        """With `roll`, images change places within a batch by so many, which changes the rounding of sums alone."""
        self._library, self._threads, self._roll = library, threads, roll
        self._trained: WeakKeyDictionary[MultiExitNetwork, tuple[object, Backbone]] = WeakKeyDictionary()

    def training(self, network: MultiExitNetwork, equilibrium: bool = False) -> Logits:
        """Return logits with gradients: convolutions by the kernels, last layers and connections by torch."""

        def logits(images_BKHW: Tensor) -> tuple[Tensor, ...]:
            backbone = self._backbone(network, tuple(images_BKHW.shape[1:]), equilibrium)
            return tuple(network.logits_of_maps(backbone.maps(images_BKHW)))

        return logits

    def evaluation(self, network: MultiExitNetwork) -> Logits:
        """Return logits by the running statistics, without gradients."""
        ready: list[Backbone] = []

        def logits(images_BKHW: Tensor) -> tuple[Tensor, ...]:
            if not ready:
                ready.append(self._backbone(network, tuple(images_BKHW.shape[1:]), equilibrium=False))
                ready[0].prepare_evaluation()
            return tuple(network.logits_of_maps(ready[0].evaluated(images_BKHW)))

        return torch.no_grad()(logits)

    def last_exit(self, network: MultiExitNetwork) -> Callable[[Tensor], Tensor]:
        """Return images_BKHW -> logits_BC of the last exit."""
        all_exits = self.evaluation(network)
        return lambda images_BKHW: all_exits(images_BKHW)[-1]

    def sgd(
        self,
        weights: Sequence[Tensor],
        gradients: Sequence[Tensor],
        momenta: list[Tensor | None],
        *,
        lr: float,
        momentum: float,
        weight_decay: float,
    ) -> None:
        """Take one step; a momentum of 0 is what torch.optim.SGD has before its first."""
        momenta[:] = [torch.zeros_like(w) if m is None else m for w, m in zip(weights, momenta, strict=True)]
        known = [tensor for tensor in momenta if tensor is not None]
        self._library.sgd(weights, gradients, known, lr, momentum, weight_decay, self._threads)

    def _backbone(self, network: MultiExitNetwork, shape: Shape, equilibrium: bool) -> Backbone:
        """Return the network's backbone; a new one after a change of form, mode or place of its weights."""
        form, backbone = self._trained.get(network, (None, None))
        ...
