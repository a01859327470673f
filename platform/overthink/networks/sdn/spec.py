"""The specification of Shallow-Deep Networks; only `build` imports torch."""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from overthink.networks.msdnet_spec import MOST_LAYERS, Count
from overthink.networks.network_spec import AbstractNetworkSpec
from overthink.networks.sdn.layout import FIRST_OF_WIDE, PUBLISHED, Backbone, Layout, Published, places
from overthink.spec import WHOLE

if TYPE_CHECKING:
    import torch

    from overthink.networks.multi_exit import MultiExitNetwork


class SdnSpec(AbstractNetworkSpec):
    """Shallow-Deep Network (Kaya et al. 2019): a known network, and internal classifiers along its depth.

    An internal classifier pools its maps to about 4x4, by a learned mixture of maximum and mean, and has one linear
    layer. What is left out is as in the paper: VGG-16, ResNet-56, WRN-32-4, MobileNet.
    """

    kind: Literal["sdn"]
    backbone: Backbone
    layers: Annotated[tuple[Count, ...], Field(min_length=1, max_length=6)] | None = None
    """Units of each stage: convolutions (vgg), residual blocks (resnet, wrn), depthwise separable blocks (mobilenet).

    As in the paper: 2, 2, 3, 3, 3; 9, 9, 9; 5, 5, 5; 1, 2, 2, 6, 2.
    """
    width: Count | None = None
    """Channels of the first stage; each further stage has twice as many, in a VGG at most eight times as many.

    As in the paper: 64, 16, 64, 64.
    """
    exits_after: tuple[Count, ...] | None = None
    """Units, counted from 1 through all stages, that an internal classifier stands behind; the last exit is not
    among them. Left out: the paper's places; for other `layers` or `width` the units nearest to 15, 30, 45, 60, 75 and
    90 % of the backbone's cost.
    """
    stem_stride: Annotated[Literal[1, 2], WHOLE] = 1
    """Stride of the first convolution of a resnet or wrn; the paper has 2 for images of 64x64 pixels."""
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Of a vgg's hidden layers and a wrn's blocks. As in the paper: 0.5, 0.3."""

    @model_validator(mode="after")
    def _fits_the_backbone(self) -> Self:
        if self.dropout is not None and self.published.dropout is None:
            raise ValueError(f"dropout: {self.backbone} has none; leave it out")
        if self.stem_stride == 2 and self.backbone not in ("resnet", "wrn"):
            raise ValueError(f"stem_stride: that of {self.backbone} is 1; only resnet and wrn can have 2")
        return self

    @model_validator(mode="after")
    def _exits_are_inside(self) -> Self:
        n_units = sum(self._layers)
        if n_units > MOST_LAYERS:
            raise ValueError(f"layers: {n_units} in all, more than {MOST_LAYERS}")
        if self.exits_after is None:
            return self
        if list(self.exits_after) != sorted(set(self.exits_after)):
            raise ValueError(f"exits_after must ascend, got {list(self.exits_after)}")
        if self.exits_after and self.exits_after[-1] >= n_units:
            raise ValueError(
                f"exits_after: {self.exits_after[-1]}, but the backbone has {n_units} units and the last exit stands "
                f"behind unit {n_units}, so others stand behind 1 to {n_units - 1}"
            )
        return self

    @property
    def published(self) -> Published:
        """The backbone as the paper has it."""
        return PUBLISHED[self.backbone]

    @property
    def blocks(self) -> int:
        """E, the number of exits: the internal classifiers and the last one."""
        return len(self.layout.after) + 1

    @property
    def label(self) -> str:
        """A short name: the backbone, its depth and width as papers name them, and the exits if they are others."""
        width, n_units, own = self._width, sum(self._layers), self.published
        known_width = "" if width == own.width else f" w{width}"
        match self.backbone:
            case "vgg":
                name = f"vgg-{n_units + 3}{known_width}"
            case "resnet":
                name = f"resnet-{2 * n_units + 2}{known_width}"
            case "wrn":
                name = f"wrn-{2 * n_units + 2}-{width / FIRST_OF_WIDE:g}"
            case _:
                name = f"mobilenet{'' if self._layers == own.layers else f'-{n_units}'}{known_width}"
        return f"sdn {name}" + (f" x{self.blocks}" if self.exits_after is not None else "")

    @property
    def layout(self) -> Layout:
        """The network in numbers."""
        after = self.exits_after
        if after is None:
            known = (self._layers, self._width) == (self.published.layers, self.published.width)
            after = self.published.after if known else places(self.backbone, self._layers, self._width)
        dropout = self.published.dropout or 0.0 if self.dropout is None else self.dropout
        return Layout(self.backbone, self._layers, self._width, after, self.stem_stride, dropout)

    @property
    def _layers(self) -> tuple[int, ...]:
        return self.published.layers if self.layers is None else self.layers

    @property
    def _width(self) -> int:
        return self.published.width if self.width is None else self.width

    def check(self, input_shape: tuple[int, int, int], n_classes: int) -> None:
        """Raise ValueError for fewer than 2 classes, and where images are too small to be halved at every stage."""
        super().check(input_shape, n_classes)
        _, height, width = input_shape
        n_stages = len(self._layers)
        if self.backbone == "vgg":
            fits, halving = min(height, width) >> n_stages >= 1, "a pooling in each"
        else:
            halvings = n_stages - 1 + (self.stem_stride == 2)
            fits, halving = min(height, width) > 2 ** (halvings - 1), "a stride of 2 from each to the next"
        if not fits:
            raise ValueError(
                f"network.layers: {n_stages} stages with {halving} are too many for images of {height}x{width} pixels"
            )

    def build(
        self, input_shape: tuple[int, int, int], n_classes: int, generator: "torch.Generator"
    ) -> "MultiExitNetwork":
        """Return the network for images (K, H, W), its weights drawn from the generator alone; raise as `check`."""
        from overthink.networks.sdn.network import build_sdn

        self.check(input_shape, n_classes)
        return build_sdn(self.layout, input_shape, n_classes, generator)
