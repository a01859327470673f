"""Multi-Scale Dense Network (Huang et al. 2018; thesis section 3.2.2), layer for layer as the reference builds it.

Differences from the reference: an exit pools adaptively to 1x1, so that any image size works; at 32x32 pixels with
three scales this equals the reference's 2x2 average. Weights are drawn from a separate generator. With the ImageNet
stem, the 7x7 convolution has no bias (the BatchNorm after it has one), and exits are always `head_channels` wide.
"""

from itertools import pairwise
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from overthink.networks.multi_exit import ExitHead, MapFeatures, PlainNetwork, State
from overthink.networks.weights import draw_weights

if TYPE_CHECKING:
    from overthink.networks.msdnet_spec import LayerPlan, MSDNetSpec


def build_msdnet(spec: "MSDNetSpec", n_image_channels: int, n_classes: int, generator: torch.Generator) -> PlainNetwork:
    """Return an MSDNet, its weights drawn from the generator alone."""
    # The modules' own initialisers draw from the global generator; fork_rng restores its state. The meta device would
    # draw nothing, but using it imports the compiler, which takes seconds instead of 0.05 s.
    with torch.random.fork_rng(devices=[]):
        network = PlainNetwork(_blocks(spec, n_image_channels), _exits(spec, n_classes))
    draw_weights(network, spec.init, generator)
    return network


def _convolution(n_in: int, n_out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(n_in, n_out, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))


class FirstLayer(nn.Module):
    """Creates every scale: the finest from the images, each coarser one from the next finer one."""

    def __init__(self, spec: "MSDNetSpec", n_in: int) -> None:
        super().__init__()
        widths = [spec.channels * factor for factor in spec.growth_factors[: spec.scales]]
        if spec.stem == "imagenet":
            stem = [_convolution(n_in, widths[0], kernel=7, stride=2), nn.MaxPool2d(3, stride=2, padding=1)]
            first: nn.Module = nn.Sequential(*stem)
        else:
            first = _convolution(n_in, widths[0])
        further = [_convolution(above, width, stride=2) for above, width in pairwise(widths)]
        self.scales = nn.ModuleList([first, *further])

    def forward(self, state: State) -> State:
        """Return one feature map per scale."""
        maps = list(state)
        for scale in self.scales:
            maps.append(scale(maps[-1]))
        return tuple(maps[1:])


class Path(nn.Sequential):
    """An optional 1x1 bottleneck and a 3x3 convolution, each with BatchNorm and ReLU."""

    def __init__(self, spec: "MSDNetSpec", source: int, n_in: int, n_out: int, stride: int) -> None:
        width = min(n_in, spec.bottleneck_factors[source] * n_out) if spec.bottleneck else n_in
        bottleneck = [_convolution(n_in, width, kernel=1)] if spec.bottleneck else []
        super().__init__(*bottleneck, _convolution(width, n_out, stride=stride))


class Layer(nn.Module):
    """Concatenates, at each kept scale: its input, new channels from the next finer scale, and new channels of its own.

    A finer scale that is dropped here is still read by the finest kept scale.
    """

    def __init__(self, spec: "MSDNetSpec", plan: "LayerPlan") -> None:
        super().__init__()
        self.dropped = plan.scales_in - plan.scales_out
        finest_in = spec.scales - plan.scales_in
        self.down, self.normal = nn.ModuleList(), nn.ModuleList()
        for scale in range(spec.scales - plan.scales_out, spec.scales):
            n_in, n_out = (count * spec.growth_factors[scale] for count in (plan.channels_in, spec.growth))
            if scale == finest_in:  # nothing finer to read from, so all the growth is its own
                self.normal.append(Path(spec, scale, n_in, n_out, stride=1))
            else:
                finer = plan.channels_in * spec.growth_factors[scale - 1]
                self.down.append(Path(spec, scale - 1, finer, n_out // 2, stride=2))
                self.normal.append(Path(spec, scale, n_in, n_out // 2, stride=1))

    def forward(self, state: State) -> State:
        """Return the kept scales, each with its new channels after the old ones."""
        kept = state[self.dropped :]
        finer = state[max(self.dropped - 1, 0) :]
        downs: list[Tensor | None] = [down(features) for down, features in zip(self.down, finer, strict=False)]
        if len(downs) < len(kept):
            downs.insert(0, None)
        return tuple(
            torch.cat([old, normal(old)] if down is None else [old, down, normal(old)], dim=1)
            for old, down, normal in zip(kept, downs, self.normal, strict=True)
        )


class Transition(nn.Module):
    """Fewer channels at every scale, by 1x1 convolutions."""

    def __init__(self, spec: "MSDNetSpec", plan: "LayerPlan") -> None:
        super().__init__()
        n_in = plan.channels_in + spec.growth
        factors = spec.growth_factors[spec.scales - plan.scales_out : spec.scales]
        self.scales = nn.ModuleList(_convolution(n_in * f, plan.channels_out * f, kernel=1) for f in factors)

    def forward(self, state: State) -> State:
        """Return the thinner scales."""
        return tuple(scale(features) for scale, features in zip(self.scales, state, strict=True))


class HeadFeatures(MapFeatures):
    """Features of an exit: two strided convolutions on the coarsest scale, and their spatial mean."""

    def __init__(self, n_in: int, width: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(_convolution(n_in, width, stride=2), _convolution(width, width, stride=2))
        self.pool = nn.AdaptiveAvgPool2d(1)

    def maps(self, state: State) -> Tensor:
        """Return maps_BFHW, from which the features are pooled."""
        return cast(Tensor, self.convolutions(state[-1]))

    def pooled(self, maps_BFHW: Tensor) -> Tensor:
        """Return features_BF of maps."""
        return cast(Tensor, self.pool(maps_BFHW)).flatten(1)


def _blocks(spec: "MSDNetSpec", n_image_channels: int) -> list[nn.Module]:
    plans = spec.layer_plans()
    blocks: list[nn.Module] = []
    for number, n_layers in enumerate(spec.layers_of_blocks):
        layers: list[nn.Module] = [FirstLayer(spec, n_image_channels)] if number == 0 else []
        for plan in (next(plans) for _ in range(n_layers)):
            layers.append(Layer(spec, plan))
            if plan.transition:
                layers.append(Transition(spec, plan))
        blocks.append(nn.Sequential(*layers))
    return blocks


def _exits(spec: "MSDNetSpec", n_classes: int) -> list[ExitHead]:
    plans = list(spec.layer_plans())
    heads, last = [], 0
    for n_layers in spec.layers_of_blocks:
        last += n_layers
        n_in = plans[last - 1].channels_out * spec.growth_factors[spec.scales - 1]
        heads.append(ExitHead(HeadFeatures(n_in, spec.head_channels), spec.head_channels, n_classes))
    return heads
