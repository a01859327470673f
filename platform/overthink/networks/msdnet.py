"""Multi-Scale Dense Network (Huang et al. 2018; thesis section 3.2.2), layer for layer as the reference builds it.

Differences from the reference: an exit pools adaptively to 1x1, so that any image size works; at 32x32 pixels with
three scales this equals the reference's 2x2 average. Weights are drawn from a separate generator. With the ImageNet
stem, the 7x7 convolution has no bias (the BatchNorm after it has one), and exits are always `head_channels` wide.
"""

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from overthink.networks.fast.lowering import Scales
from overthink.networks.fast.plan import Maps
from overthink.networks.fast.plan_builder import PlanBuilder
from overthink.networks.msdnet_layout import LayerPlan, MSDNetLayout, PathPlan
from overthink.networks.multi_exit import ExitHead, MapFeatures, PlainNetwork, State
from overthink.networks.weights import draw_weights


def build_msdnet(
    layout: MSDNetLayout, n_image_channels: int, n_classes: int, generator: torch.Generator
) -> PlainNetwork:
    """Return an MSDNet, its weights drawn from the generator alone."""
    # The modules' own initialisers draw from the global generator; fork_rng restores its state. The meta device would
    # draw nothing, but using it imports the compiler, which takes seconds instead of 0.05 s.
    with torch.random.fork_rng(devices=[]):
        network = PlainNetwork(_blocks(layout, n_image_channels), _exits(layout, n_classes))
    draw_weights(network, layout.init, generator)
    return network


def _convolution(n_in: int, n_out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(n_in, n_out, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))


class FirstLayer(nn.Module):
    """Creates every scale: the finest from the images, each coarser one from the next finer one."""

    def __init__(self, layout: MSDNetLayout, n_in: int) -> None:
        super().__init__()
        finest = layout.channels[0]
        if layout.stem == "imagenet":
            stem = [_convolution(n_in, finest, kernel=7, stride=2), nn.MaxPool2d(3, stride=2, padding=1)]
            first: nn.Module = nn.Sequential(*stem)
        else:
            first = _convolution(n_in, finest)
        further = [_convolution(finer, coarser, stride=2) for finer, coarser in pairwise(layout.channels)]
        self.scales = nn.ModuleList([first, *further])

    def forward(self, state: State) -> State:
        """Return one feature map per scale."""
        maps = list(state)
        for scale in self.scales:
            maps.append(scale(maps[-1]))
        return tuple(maps[1:])

    def lower(self, plan: PlanBuilder, scales: Scales) -> Scales:
        """Add the scales to a plan."""
        maps = list(scales)
        for scale in self.scales:
            maps.append(plan.layers(maps[-1], scale))
        return tuple(maps[1:])


class Path(nn.Sequential):
    """An optional 1x1 bottleneck and a 3x3 convolution, each with BatchNorm and ReLU."""

    def __init__(self, plan: PathPlan, stride: int) -> None:
        bottleneck = [] if plan.width is None else [_convolution(plan.channels_in, plan.width, kernel=1)]
        super().__init__(*bottleneck, _convolution(plan.width or plan.channels_in, plan.channels_out, stride=stride))

    def lower_to(self, plan: PlanBuilder, old: Maps, source: Maps) -> Maps:
        """Add the path to a plan; return `old` with the channels that the path makes of `source` after its own."""
        *bottleneck, last = self
        for unit in bottleneck:
            source = plan.unit(source, unit)
        return plan.appended(old, source, last)


class Layer(nn.Module):
    """Concatenates, at each kept scale: its input, new channels from the next finer scale, and new channels of its own.

    A finer scale that is dropped here is still read by the finest kept scale.
    """

    def __init__(self, plan: LayerPlan) -> None:
        super().__init__()
        self.dropped = plan.dropped
        self.down = nn.ModuleList(Path(path, stride=2) for path in plan.down)
        self.normal = nn.ModuleList(Path(path, stride=1) for path in plan.normal)

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

    def lower(self, plan: PlanBuilder, scales: Scales) -> Scales:
        """Add the layer to a plan."""
        kept = scales[self.dropped :]
        finer = scales[max(self.dropped - 1, 0) :]
        downs: list[nn.Module | None] = [None] * (len(kept) - len(self.down)) + list(self.down)
        sources = [None] * (len(kept) - len(self.down)) + list(finer)
        grown = []
        for old, down, source, normal in zip(kept, downs, sources, self.normal, strict=False):
            maps = old if down is None else cast(Path, down).lower_to(plan, old, cast(Maps, source))
            grown.append(cast(Path, normal).lower_to(plan, maps, old))
        return tuple(grown)


class Transition(nn.Module):
    """Fewer channels at every scale, by 1x1 convolutions."""

    def __init__(self, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        super().__init__()
        self.scales = nn.ModuleList(_convolution(*widths, kernel=1) for widths in zip(before, after, strict=True))

    def forward(self, state: State) -> State:
        """Return the thinner scales."""
        return tuple(scale(features) for scale, features in zip(self.scales, state, strict=True))

    def lower(self, plan: PlanBuilder, scales: Scales) -> Scales:
        """Add the 1x1 convolutions to a plan."""
        return tuple(plan.unit(maps, scale) for scale, maps in zip(self.scales, scales, strict=True))


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

    def lower(self, plan: PlanBuilder, scales: Scales) -> Scales:
        """Add the convolutions to a plan."""
        maps = scales[-1]
        for unit in self.convolutions:
            maps = plan.unit(maps, unit)
        return (maps,)


def _blocks(layout: MSDNetLayout, n_image_channels: int) -> list[nn.Module]:
    blocks = [[module for plan in plans for module in _layer(plan)] for plans in layout.blocks]
    blocks[0].insert(0, FirstLayer(layout, n_image_channels))
    return [nn.Sequential(*layers) for layers in blocks]


def _layer(plan: LayerPlan) -> list[nn.Module]:
    return [Layer(plan), *([] if plan.transition is None else [Transition(plan.grown, plan.transition)])]


def _exits(layout: MSDNetLayout, n_classes: int) -> list[ExitHead]:
    width = layout.head_channels
    coarsest = [plans[-1].channels_out[-1] for plans in layout.blocks]
    return [ExitHead(HeadFeatures(n_in, width), width, n_classes) for n_in in coarsest]
