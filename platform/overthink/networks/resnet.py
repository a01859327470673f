"""Residual networks (He et al. 2016) with one exit, built from torchvision's basic blocks.

Layer for layer equal to torchvision's, except for the stem for small images and the generator of the weights.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any, Literal, cast

import torch
from torch import nn

from overthink.networks.fast.lowering import Scales
from overthink.networks.fast.plan_builder import PlanBuilder
from overthink.networks.multi_exit import ExitHead, PlainNetwork, State
from overthink.networks.pooled_maps import PooledMaps
from overthink.networks.weights import Init, draw_weights

Stem = Literal["small", "imagenet"]


def build_resnet(
    n_image_channels: int,
    n_classes: int,
    generator: torch.Generator,
    *,
    layers: tuple[int, ...],
    width: int,
    stem: Stem,
    init: Init,
) -> PlainNetwork:
    """Return a ResNet, its weights drawn from the generator alone; the other values are those of its specification."""
    widths = [width * 2**number for number in range(len(layers))]
    with torch.random.fork_rng(devices=[]):  # the modules' own initialisers must not change the global generator
        backbone = Backbone(_stem(stem, n_image_channels, width), layers, widths)
        network = PlainNetwork([backbone], [ExitHead(PooledMaps(), widths[-1], n_classes)])
    draw_weights(network, init, generator)
    return network


class Backbone(nn.Module):
    """Stem and stages, of so many blocks and channels each."""

    def __init__(self, stem: nn.Module, layers: tuple[int, ...], widths: list[int]) -> None:
        super().__init__()
        self.stem = stem
        stages = zip(layers, [widths[0], *widths], widths, strict=False)
        self.stages = nn.Sequential(
            *(_stage(count, n_in, n_out, first=number == 0) for number, (count, n_in, n_out) in enumerate(stages))
        )

    def forward(self, state: State) -> State:
        """Return the maps of the last stage."""
        return (self.stages(self.stem(state[-1])),)

    def lower(self, plan: PlanBuilder, scales: Scales) -> Scales:
        """Add stem and stages to a plan."""
        maps = plan.layers(scales[-1], self.stem)
        blocks: Iterator[Any] = chain.from_iterable(cast(nn.Sequential, stage) for stage in self.stages)
        for block in blocks:
            inner = plan.unit(maps, block.conv1, block.bn1, block.relu)
            shortcut = maps if block.downsample is None else plan.unit(maps, block.downsample)
            maps = plan.unit(inner, block.conv2, block.bn2, block.relu, shortcut=shortcut)
        return (maps,)


def _stem(stem: Stem, n_in: int, n_out: int) -> nn.Sequential:
    if stem == "small":
        convolution = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))
    convolution = nn.Conv2d(n_in, n_out, 7, stride=2, padding=3, bias=False)
    return nn.Sequential(
        convolution, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2, padding=1)
    )


def _stage(count: int, n_in: int, n_out: int, first: bool) -> nn.Sequential:
    from torchvision.models.resnet import BasicBlock  # late, since its package imports all models

    stride = 1 if first else 2
    shortcut = (
        None if first else nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False), nn.BatchNorm2d(n_out))
    )
    more = (BasicBlock(n_out, n_out) for _ in range(count - 1))
    return nn.Sequential(BasicBlock(n_in, n_out, stride, shortcut), *more)
