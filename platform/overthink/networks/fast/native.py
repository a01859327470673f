"""The fast kernels as what computes a network (`networks.kernels`)."""

from collections.abc import Callable, Sequence
from typing import Literal
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from overthink.networks.fast.backbone import Backbone, bound
from overthink.networks.fast.exit_by_exit import ExitByExit
from overthink.networks.fast.library import Library
from overthink.networks.fast.lowering import plan_of
from overthink.networks.fast.plan import Plan
from overthink.networks.kernels import Descent, Kernels, Logits
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.networks.passage import Passage

Maps = Callable[[Tensor], tuple[Tensor, ...]]
"""images_BKHW -> maps_BFHW of every exit that is planned."""
Use = Literal["training", "evaluation", "last exit"]


class NativeKernels(Kernels):
    """The fast kernels, on a CPU. The same seeds give the same bits at any number of threads."""

    def __init__(self, library: Library, threads: int, roll: int = 0) -> None:
        """With `roll`, images change places within a batch by so many, which changes the rounding of sums alone."""
        self._library, self._threads, self._roll = library, threads, roll
        self._backbones: WeakKeyDictionary[MultiExitNetwork, dict[Use, Backbone]] = WeakKeyDictionary()

    def training(self, network: MultiExitNetwork, equilibrium: bool = False) -> Logits:
        """Return logits with gradients: convolutions by the kernels, last layers and connections by torch."""
        maps = self._maps(
            network, "training", lambda shape: plan_of(network, shape, equilibrium), lambda backbone: backbone.maps
        )
        return lambda images_BKHW: tuple(network.logits_of_maps(maps(images_BKHW)))

    def evaluation(self, network: MultiExitNetwork) -> Logits:
        """Return logits by the running statistics, without gradients."""
        maps = self._maps(network, "evaluation", lambda shape: plan_of(network, shape), Backbone.evaluation)
        return torch.no_grad()(lambda images_BKHW: tuple(network.logits_of_maps(maps(images_BKHW))))

    def last_exit(self, network: MultiExitNetwork) -> Callable[[Tensor], Tensor]:
        """Return images_BKHW -> logits_BC of the last exit; no more is computed than these need."""
        numbers = network.last_exit_reads
        maps = self._maps(
            network, "last exit", lambda shape: plan_of(network, shape).only(numbers), Backbone.evaluation
        )

        @torch.no_grad()
        def logits(images_BKHW: Tensor) -> Tensor:
            output: Tensor | None = None
            for number, maps_BFHW in zip(numbers, maps(images_BKHW), strict=True):
                logits_BC, output = network.logits_of_map(number, maps_BFHW, output)
            return logits_BC

        return logits

    def exit_by_exit(self, network: MultiExitNetwork) -> Callable[[Tensor], Passage]:
        """Return images_BKHW -> their passage; planned with the first images, whose size it has."""
        found: list[ExitByExit] = []

        def begun(images_BKHW: Tensor) -> Passage:
            if not found:
                plan = plan_of(network, _shape(images_BKHW))
                found.append(ExitByExit(network, plan, self._library, self._threads))
            return found[0](images_BKHW)

        return begun

    def sgd(
        self, weights: Sequence[Tensor], gradients: Sequence[Tensor], momenta: list[Tensor | None], by: Descent
    ) -> None:
        """Take one step; a momentum of 0 is what torch.optim.SGD has before its first."""
        momenta[:] = [torch.zeros_like(w) if m is None else m for w, m in zip(weights, momenta, strict=True)]
        known = [tensor for tensor in momenta if tensor is not None]
        self._library.sgd(weights, gradients, known, *by, self._threads)

    def _maps(
        self,
        network: MultiExitNetwork,
        use: Use,
        planned: Callable[[tuple[int, int, int]], Plan],
        ready: Callable[[Backbone], Maps],
    ) -> Maps:
        """Return images to maps by a backbone that is made ready with the first images, whose size it has."""
        found: list[Maps] = []

        def maps(images_BKHW: Tensor) -> tuple[Tensor, ...]:
            if not found:
                found.append(ready(self._backbone(network, use, planned(_shape(images_BKHW)))))
            return found[0](images_BKHW)

        return maps

    def _backbone(self, network: MultiExitNetwork, use: Use, plan: Plan) -> Backbone:
        """Return the backbone for a use; a new one where its form or the place of its weights changed."""
        known = self._backbones.setdefault(network, {})
        backbone = known.get(use)
        if backbone is None or backbone.plan != plan or backbone.bound != bound(plan):
            backbone = known[use] = Backbone(plan, self._library, self._threads, self._roll)
        return backbone


def _shape(images_BKHW: Tensor) -> tuple[int, int, int]:
    channels, height, width = images_BKHW.shape[1:]
    return channels, height, width
