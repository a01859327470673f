"""The specification of residual networks (the thesis's policy network is one); only `build` imports torch."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from overthink.networks.msdnet_spec import Count
from overthink.networks.network_spec import AbstractNetworkSpec

if TYPE_CHECKING:
    import torch

    from overthink.networks.multi_exit import MultiExitNetwork


class ResNetSpec(AbstractNetworkSpec):
    """Residual network of basic blocks (He et al. 2016) with one exit. Defaults are ResNet-34 (thesis section 4.2)."""

    kind: Literal["resnet"]
    layers: Annotated[tuple[Count, ...], Field(min_length=1, max_length=8)] = (3, 4, 6, 3)
    """Residual blocks of each stage; every stage after the first halves the image and doubles the channels."""
    width: Count = 64
    """Channels of the first stage."""
    stem: Literal["small", "imagenet"] = "small"
    """First layers: a 3x3 convolution, or 7x7 with stride 2 and a max-pool with stride 2. The thesis does not specify
    it; at 32x32 pixels the second gives 1x1 maps in the last stage.
    """
    init: Literal["torch", "he"] = "he"
    """Initial weights: PyTorch's default; or He's, as in the paper and in torchvision."""

    @property
    def blocks(self) -> int:
        """Number of exits: one, after the last stage."""
        return 1

    @property
    def label(self) -> str:
        """A short name: the depth, and the width if it is not 64."""
        name = f"resnet-{2 * sum(self.layers) + 2}"
        return name if self.width == 64 else f"{name} w{self.width}"

    def check(self, input_shape: tuple[int, int, int], n_classes: int) -> None:
        """Raise ValueError for fewer than 2 classes, and where images are too small to be halved at every stage."""
        super().check(input_shape, n_classes)
        _, height, width = input_shape
        halvings = len(self.layers) - 1 + (2 if self.stem == "imagenet" else 0)
        if min(height, width) <= 2 ** (halvings - 1):
            raise ValueError(
                f"network.layers: {len(self.layers)} stages after the {self.stem} stem are too many for images of "
                f"{height}x{width} pixels"
            )

    def build(
        self, input_shape: tuple[int, int, int], n_classes: int, generator: "torch.Generator"
    ) -> "MultiExitNetwork":
        """Return the network for images (K, H, W), its weights drawn from the generator alone; raise as `check`."""
        from overthink.networks.resnet import build_resnet

        self.check(input_shape, n_classes)
        return build_resnet(
            input_shape[0], n_classes, generator, layers=self.layers, width=self.width, stem=self.stem, init=self.init
        )
