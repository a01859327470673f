"""What the specification of every network has. It imports no torch, so that definitions load without it."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

from overthink.spec import Spec

if TYPE_CHECKING:
    import torch

    from overthink.networks.multi_exit import MultiExitNetwork


class AbstractNetworkSpec(Spec, ABC):
    """Specification of a network; a subclass also has `kind`, `blocks` (the number of exits) and `label`."""

    divided: ClassVar[bool] = True
    """Whether its blocks and exits are modules of their own, so that they can be frozen and connected."""

    @property
    def is_pretrained(self) -> bool:
        """Whether it is built with weights that were trained, its exits aside."""
        return False

    if TYPE_CHECKING:  # fields of some networks, properties of others

        @property
        def kind(self) -> str:
            """The network's name in a definition."""

        @property
        def blocks(self) -> int:
            """E, the number of exits."""

        @property
        def label(self) -> str:
            """A short name for tables."""

    def resolved(self, input_shape: tuple[int, int, int], n_classes: int) -> Self:
        """Return the specification with everything filled in that follows from code outside of this package.

        Called once, when a definition is read; raises ValueError where that code is not here.
        """
        return self

    def check(self, input_shape: tuple[int, int, int], n_classes: int) -> None:
        """Raise ValueError where the network cannot be built for images (K, H, W) of that many classes."""
        if n_classes < 2:
            raise ValueError(f"a network needs at least 2 classes, got {n_classes}")

    @abstractmethod
    def build(
        self, input_shape: tuple[int, int, int], n_classes: int, generator: "torch.Generator"
    ) -> "MultiExitNetwork":
        """Return the network for images (K, H, W), its weights drawn from the generator alone; raise as `check`."""

    def load_pretrained(self, network: "MultiExitNetwork") -> None:
        """Put in the weights that a run of this network starts from, if it has such; raises ValueError without them.

        Called once, when a run begins; networks that are only counted or restored keep the weights that they have.
        """
