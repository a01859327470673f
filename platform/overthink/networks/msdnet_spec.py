"""The specification of Multi-Scale Dense Networks; only `build` imports torch."""

from collections.abc import Iterator
from itertools import islice
from math import ceil, floor
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from overthink.networks.msdnet_layout import LayerPlan, MSDNetLayout, PathPlan
from overthink.networks.network_spec import AbstractNetworkSpec

if TYPE_CHECKING:
    import torch

    from overthink.networks.multi_exit import MultiExitNetwork

Count = Annotated[int, Field(ge=1, le=10_000)]


MOST_LAYERS = 1000
"""Ten times the deepest published network; a larger number is probably a typing error."""


class MSDNetSpec(AbstractNetworkSpec):
    """Multi-Scale Dense Network (Huang et al. 2018). Defaults are the thesis's (section 4.2)."""

    kind: Literal["msdnet"]
    blocks: Annotated[int, Field(ge=1, le=100)] = 5
    """E: each block ends in an exit."""
    scales: Annotated[int, Field(ge=1, le=10)] = 3
    base: Count = 1
    """Layers of the first block."""
    step: Count = 1
    step_mode: Literal["linear", "even"] = "linear"
    """Layers of block i > 1: step everywhere (even), or step * (i - 1) + 1 (linear)."""
    channels: Count = 16
    """Channels of the finest scale after the first layer, times growth_factors[0]."""
    growth: Count = 6
    """Channels that a layer adds to the finest scale, times growth_factors[0]."""
    growth_factors: tuple[Count, ...] = (1, 2, 4)
    """Per scale, finest first: channels and growth are multiplied by it."""
    bottleneck: bool = True
    bottleneck_factors: tuple[Count, ...] = (1, 2, 4)
    """Per scale that a path reads from: its 1x1 convolution is at most this many times as wide as its output."""
    prune: Literal["max", "min"] = "max"
    """When finer scales are dropped: evenly over depth (max), or as late as the exits allow (min)."""
    reduction: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Fraction of the channels that a transition keeps; 0, as in the reference: there are no transitions."""
    head_channels: Count = 128
    """Channels of the two convolutions of an exit."""
    stem: Literal["small", "imagenet"] = "small"
    """First layers: a 3x3 convolution, or 7x7 with stride 2 and a max-pool with stride 2."""
    init: Literal["torch", "he"] = "torch"
    """Initial weights: PyTorch's default, which the reference code uses in effect; or He's, as in the paper."""

    @model_validator(mode="after")
    def _factors_fit(self) -> Self:
        for name in ("growth_factors", "bottleneck_factors"):
            factors = getattr(self, name)
            if len(factors) < self.scales:
                raise ValueError(
                    f"{name} {list(factors)} has {len(factors)} numbers, but there are {self.scales} scales"
                )
        for scale, factor in enumerate(self.growth_factors[1 : self.scales], start=1):
            if self.growth * factor % 2:
                raise ValueError(
                    f"growth {self.growth} times growth_factors[{scale}] {factor} is {self.growth * factor}: "
                    "two paths share it in halves, so it must be even"
                )
        return self

    @model_validator(mode="after")
    def _layers_fit(self) -> Self:
        n_layers = sum(self.layers_of_blocks)
        if n_layers > MOST_LAYERS:
            raise ValueError(f"the blocks have {n_layers} layers in all, more than {MOST_LAYERS}")
        if self.prune == "min" and n_layers < self.scales - 1:
            raise ValueError(
                f"prune min drops at most one scale a layer, so {self.scales} scales need at least {self.scales - 1} "
                f"layers, but the blocks have {n_layers} in all"
            )
        self.layout()
        return self

    @property
    def label(self) -> str:
        """A short name: exits and scales."""
        return f"{self.kind} {self.blocks}x{self.scales}"

    def check(self, input_shape: tuple[int, int, int], n_classes: int) -> None:
        """Raise ValueError for fewer than 2 classes, and where images are too small for that many scales."""
        super().check(input_shape, n_classes)
        _, height, width = input_shape
        halvings = self.scales - 1 + (2 if self.stem == "imagenet" else 0)
        if min(height, width) <= 2 ** (halvings - 1):  # a side of n pixels is halved to ceil(n / 2)
            stem = " after its stem" if self.stem == "imagenet" else ""
            raise ValueError(
                f"network.scales: {self.scales} scales{stem} are too many for images of {height}x{width} pixels"
            )

    def build(
        self, input_shape: tuple[int, int, int], n_classes: int, generator: "torch.Generator"
    ) -> "MultiExitNetwork":
        """Return the network for images (K, H, W), its weights drawn from the generator alone; raise as `check`."""
        from overthink.networks.msdnet import build_msdnet

        self.check(input_shape, n_classes)
        return build_msdnet(self.layout(), input_shape[0], n_classes, generator)

    @property
    def layers_of_blocks(self) -> tuple[int, ...]:
        """Number of layers of each block."""
        later = (self.step if self.step_mode == "even" else self.step * i + 1 for i in range(1, self.blocks))
        return (self.base, *later)

    def layout(self) -> MSDNetLayout:
        """Return the layers of the network in numbers of channels.

        Raises ValueError where a transition would keep none.
        """
        plans = self._layer_plans()
        blocks = tuple(tuple(islice(plans, n_layers)) for n_layers in self.layers_of_blocks)
        channels = tuple(self.channels * factor for factor in self.growth_factors[: self.scales])
        return MSDNetLayout(self.stem, channels, blocks, self.head_channels, self.init)

    def _layer_plans(self) -> Iterator[LayerPlan]:
        n_layers, channels = sum(self.layers_of_blocks), self.channels
        for number in range(1, n_layers + 1):
            came, kept = self._scales(number - 1, n_layers), self._scales(number, n_layers)
            down = tuple(self._path(channels, scale - 1, scale, shares=2) for scale in kept if scale - 1 in came)
            normal = tuple(self._path(channels, scale, scale, shares=1 + (scale - 1 in came)) for scale in kept)
            thinned, grown = self._thinned(number, n_layers), channels + self.growth
            channels = floor(self.reduction * grown) if thinned else grown
            if channels < 1:
                raise ValueError(f"reduction {self.reduction} keeps none of {grown} channels after layer {number}")
            grown_S, left_S = ([n * self.growth_factors[scale] for scale in kept] for n in (grown, channels))
            yield LayerPlan(len(came) - len(kept), down, normal, tuple(grown_S), tuple(left_S) if thinned else None)

    def _path(self, channels: int, source: int, scale: int, shares: int) -> PathPlan:
        n_in, n_out = channels * self.growth_factors[source], self.growth * self.growth_factors[scale] // shares
        return PathPlan(n_in, min(n_in, self.bottleneck_factors[source] * n_out) if self.bottleneck else None, n_out)

    def _scales(self, number: int, n_layers: int) -> range:
        """Return the scales after a layer, from 0; after layer 0, the first one, there are all."""
        if self.prune == "min":
            n_kept = min(self.scales, n_layers - number + 1)
        else:
            n_kept = self.scales - max(0, number - 1) // ceil(n_layers / self.scales)
        return range(self.scales - n_kept, self.scales)

    def _thinned(self, number: int, n_layers: int) -> bool:
        if self.reduction == 0:
            return False
        if self.prune == "min":
            return number in (n_layers // 3, 2 * n_layers // 3)
        return self._scales(number, n_layers) != self._scales(number - 1, n_layers)
