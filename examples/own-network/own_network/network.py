"""A plain convolutional network with an exit after each block. Its specification imports no torch."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from overthink.networks.network_spec import AbstractNetworkSpec

if TYPE_CHECKING:
    import torch

    from overthink.networks.multi_exit import MultiExitNetwork


class PlainCnnSpec(AbstractNetworkSpec):
    """Blocks of a 3x3 convolution, BatchNorm and ReLU, with an exit (mean over the map, linear) after each."""

    kind: Literal["plain-cnn"]
    blocks: Annotated[int, Field(ge=1, le=20)] = 3
    width: Annotated[int, Field(ge=1, le=1000)] = 8

    @property
    def label(self) -> str:
        """A short name for tables."""
        return f"plain-cnn {self.blocks}x{self.width}"

    def build(
        self, input_shape: tuple[int, int, int], n_classes: int, generator: "torch.Generator"
    ) -> "MultiExitNetwork":
        """Return the network, its weights drawn from the generator alone."""
        from own_network.layers import plain_cnn

        self.check(input_shape, n_classes)
        return plain_cnn(input_shape[0], self.width, self.blocks, n_classes, generator)
