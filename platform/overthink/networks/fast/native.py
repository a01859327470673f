"""The fast kernels as what computes a network (`networks.kernels`)."""

from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from overthink.networks.fast.backbone import Backbone, bound
from overthink.networks.fast.library import Library
from overthink.networks.fast.lowering import plan_of
from overthink.networks.fast.plan import Plan
from overthink.networks.kernels import Descent, Kernels, Logits
from overthink.networks.multi_exit import MultiExitNetwork

Maps = Callable[[Tensor], tuple[Tensor, ...]]
"""images_BKHW -> maps_BFHW of every exit."""


class NativeKernels(Kernels):
    """The fast kernels, on a CPU. The same seeds give the same bits at any number of threads."""

    def __init__(self, library: Library, threads: int, roll: int = 0) -> None:
        """With `roll`, images change places within a batch by so many, which changes the rounding of sums alone."""
        self._library, self._threads, self._roll = library, threads, roll
        self._backbones: WeakKeyDictionary[MultiExitNetwork, dict[bool, Backbone]] = WeakKeyDictionary()

    def training(self, network: MultiExitNetwork, equilibrium: bool = False) -> Logits:
        """Return logits with gradients: convolutions by the kernels, last layers and connections by torch."""
        maps = self._maps(network, equilibrium, lambda backbone: backbone.maps)
        return lambda images_BKHW: tuple(network.logits_of_maps(maps(images_BKHW)))

    def evaluation(self, network: MultiExitNetwork) -> Logits:
        """Return logits by the running statistics, without gradients."""
        maps = self._maps(network, False, Backbone.evaluation)
        return torch.no_grad()(lambda images_BKHW: tuple(network.logits_of_maps(maps(images_BKHW))))

    def last_exit(self, network: MultiExitNetwork) -> Callable[[Tensor], Tensor]:
        """Return images_BKHW -> logits_BC of the last exit."""
        all_exits = self.evaluation(network)
        return lambda images_BKHW: all_exits(images_BKHW)[-1]

    def sgd(
        self, weights: Sequence[Tensor], gradients: Sequence[Tensor], momenta: list[Tensor | None], by: Descent
    ) -> None:
        """Take one step; a momentum of 0 is what torch.optim.SGD has before its first."""
        momenta[:] = [torch.zeros_like(w) if m is None else m for w, m in zip(weights, momenta, strict=True)]
        known = [tensor for tensor in momenta if tensor is not None]
        self._library.sgd(weights, gradients, known, *by, self._threads)

    def _maps(self, network: MultiExitNetwork, equilibrium: bool, ready: Callable[[Backbone], Maps]) -> Maps:
        """Return images to maps by a backbone that is made ready with the first images, whose size it has."""
        found: list[Maps] = []

        def maps(images_BKHW: Tensor) -> tuple[Tensor, ...]:
            if not found:
                channels, height, width = images_BKHW.shape[1:]
                found.append(ready(self._backbone(network, plan_of(network, (channels, height, width), equilibrium))))
            return found[0](images_BKHW)

        return maps

    def _backbone(self, network: MultiExitNetwork, plan: Plan) -> Backbone:
        """Return the backbone for the network's mode; a new one where its form or the place of its weights changed."""
        known = self._backbones.setdefault(network, {})
        backbone = known.get(network.training)
        if backbone is None or backbone.plan != plan or backbone.bound != bound(plan):
            backbone = known[network.training] = Backbone(plan, self._library, self._threads, self._roll)
        return backbone
