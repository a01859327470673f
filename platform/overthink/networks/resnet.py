"""Residual networks (He et al. 2016) with one exit, built from torchvision's basic blocks.

Layer for layer equal to torchvision's, except for the stem for small images and the generator of the weights.
"""

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from overthink.networks.multi_exit import ExitHead, MapFeatures, PlainNetwork, State
from overthink.networks.weights import draw_weights

if TYPE_CHECKING:
    from overthink.networks.resnet_spec import ResNetSpec


def build_resnet(spec: "ResNetSpec", n_image_channels: int, n_classes: int, generator: torch.Generator) -> PlainNetwork:
    """Return a ResNet, its weights drawn from the generator alone."""
    with torch.random.fork_rng(devices=[]):  # the modules' own initialisers must not change the global generator
        last = spec.width * 2 ** (len(spec.layers) - 1)
        network = PlainNetwork([Backbone(spec, n_image_channels)], [ExitHead(Pooled(), last, n_classes)])
    draw_weights(network, spec.init, generator)
    return network


class Backbone(nn.Module):
    """Stem and stages."""

    def __init__(self, spec: "ResNetSpec", n_image_channels: int) -> None:
        super().__init__()
        self.stem = _stem(spec, n_image_channels)
        widths = [spec.width * 2**number for number in range(len(spec.layers))]
        stages = zip(spec.layers, [spec.width, *widths], widths, strict=False)
        self.stages = nn.Sequential(
            *(_stage(count, n_in, n_out, first=number == 0) for number, (count, n_in, n_out) in enumerate(stages))
        )

    def forward(self, state: State) -> State:
        """Return the maps of the last stage."""
        return (self.stages(self.stem(state[-1])),)


class Pooled(MapFeatures):
    """The mean of every map."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)

    def maps(self, state: State) -> Tensor:
        """Return maps_BFHW, the last stage's."""
        return state[-1]

    def pooled(self, maps_BFHW: Tensor) -> Tensor:
        """Return features_BF of maps."""
        return cast(Tensor, self.pool(maps_BFHW)).flatten(1)


def _stem(spec: "ResNetSpec", n_image_channels: int) -> nn.Sequential:
    if spec.stem == "small":
        convolution = nn.Conv2d(n_image_channels, spec.width, 3, padding=1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(spec.width), nn.ReLU(inplace=True))
    convolution = nn.Conv2d(n_image_channels, spec.width, 7, stride=2, padding=3, bias=False)
    return nn.Sequential(
        convolution, nn.BatchNorm2d(spec.width), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2, padding=1)
    )


def _stage(count: int, n_in: int, n_out: int, first: bool) -> nn.Sequential:
    from torchvision.models.resnet import BasicBlock  # late, since its package imports all models

    stride = 1 if first else 2
    shortcut = (
        None if first else nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False), nn.BatchNorm2d(n_out))
    )
    more = (BasicBlock(n_out, n_out) for _ in range(count - 1))
    return nn.Sequential(BasicBlock(n_in, n_out, stride, shortcut), *more)
