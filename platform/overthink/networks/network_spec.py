"""What the specification of every network has. It imports no torch, so that definitions load without it."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from overthink.spec import Spec

if TYPE_CHECKING:
    import torch

    from overthink.networks.multi_exit import MultiExitNetwork


class AbstractNetworkSpec(Spec, ABC):
    """Specification of a network; a subclass also has `kind`, `blocks` (the number of exits) and `label`."""

    def check(self, input_shape: tuple[int, int, int], n_classes: int) -> None:
        """Raise ValueError where the network cannot be built for images (K, H, W) of that many classes."""
        if n_classes < 2:
            raise ValueError(f"a network needs at least 2 classes, got {n_classes}")

    @abstractmethod
    def build(
        self, input_shape: tuple[int, int, int], n_classes: int, generator: "torch.Generator"
    ) -> "MultiExitNetwork":
        """Return the network for images (K, H, W), its weights drawn from the generator alone; raise as `check`."""
