"""Shallow-Deep Networks (Kaya et al. 2019), layer for layer as the paper's code builds them.

Differences: the mean over the last maps is adaptive, so that any image size works; at the paper's sizes it is the same.
Weights are drawn from a separate generator, by the rules of each backbone's code.
"""

from math import sqrt
from typing import cast

import torch
from torch import Tensor, nn

from overthink.networks.multi_exit import ExitHead, PlainNetwork, State
from overthink.networks.pooled_maps import PooledMaps
from overthink.networks.sdn.classifier import Mixture, internal_classifier
from overthink.networks.sdn.layout import Backbone, Layout, first_channels
from overthink.networks.sdn.units import (
    ResidualUnit,
    Segment,
    WideStem,
    WideUnit,
    first_convolution,
    separable_unit,
    vgg_unit,
)


def build_sdn(
    layout: Layout, input_shape: tuple[int, int, int], n_classes: int, generator: torch.Generator
) -> PlainNetwork:
    """Return a Shallow-Deep Network for images (K, H, W), its weights drawn from the generator alone."""
    with torch.random.fork_rng(devices=[]):  # the modules' own initialisers must not change the global generator
        units = _units(layout, input_shape[0])
        blocks: list[nn.Module] = [Segment(*(units[number] for number in segment)) for segment in layout.segments]
        if (stem := _stem(layout, input_shape[0])) is not None:
            cast(Segment, blocks[0]).units.insert(0, stem)
        network = PlainNetwork(blocks, _exits(layout, input_shape, n_classes))
    draw_weights(network, layout.backbone, generator)
    return network


def _units(layout: Layout, n_image_channels: int) -> list[nn.Module]:
    stages = layout.stages
    n_in = n_image_channels if layout.backbone == "vgg" else first_channels(layout.backbone, layout.width)
    units: list[nn.Module] = []
    for number, stage in enumerate(stages):
        n_out = layout.channels(stage)
        stride = 2 if number and stages[number - 1] != stage else 1
        match layout.backbone:
            case "vgg":
                units.append(vgg_unit(n_in, n_out, is_pooled=stage not in stages[number + 1 :]))
            case "resnet":
                units.append(ResidualUnit(n_in, n_out, stride))
            case "wrn":
                units.append(WideUnit(n_in, n_out, stride, layout.dropout))
            case "mobilenet":
                units.append(separable_unit(n_in, n_out, stride))
        n_in = n_out
    return units


def _stem(layout: Layout, n_image_channels: int) -> nn.Module | None:
    n_out = first_channels(layout.backbone, layout.width)
    match layout.backbone:
        case "vgg":
            return None
        case "wrn":
            return WideStem(n_image_channels, n_out, layout.stem_stride)
    return first_convolution(n_image_channels, n_out, layout.stem_stride)


class WidePooled(PooledMaps):
    """The mean of every map after BatchNorm and ReLU, which a pre-activation block leaves to its successor."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.activation = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())

    def maps(self, state: State) -> Tensor:
        """Return maps_BFHW, the last unit's after BatchNorm and ReLU."""
        return cast(Tensor, self.activation(state[-1]))


class Hidden(PooledMaps):
    """The two hidden layers of a VGG; there is no ReLU after the second."""

    def __init__(self, channels: int, n_positions: int, widths: tuple[int, int], dropout: float) -> None:
        nn.Module.__init__(self)
        self.channels = channels
        first, second = widths
        self.layers = nn.Sequential(
            nn.Linear(channels * n_positions, first),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(first, second),
            nn.Dropout(dropout),
        )

    def pooled(self, maps_BFHW: Tensor) -> Tensor:
        """Return features_BF of maps."""
        return cast(Tensor, self.layers(maps_BFHW.flatten(1)))


def _exits(layout: Layout, input_shape: tuple[int, int, int], n_classes: int) -> list[ExitHead]:
    _, height, width = input_shape
    stages, heights, widths = layout.stages, layout.sides(height), layout.sides(width)
    sizes = [(layout.channels(stage), h, w) for stage, h, w in zip(stages, heights, widths, strict=True)]
    internal = [internal_classifier(*sizes[after - 1], n_classes) for after in layout.after]
    channels, height, width = sizes[-1]
    match layout.backbone:
        case "vgg":
            # As in the paper at width 64: 512 and 512 for maps of 1x1, 2048 and 1024 for maps of 2x2
            wide = (32 * layout.width, 16 * layout.width) if height * width > 1 else (8 * layout.width,) * 2
            last = ExitHead(Hidden(channels, height * width, wide, layout.dropout), wide[1], n_classes)
        case "wrn":
            last = ExitHead(WidePooled(channels), channels, n_classes)
        case _:
            last = ExitHead(PooledMaps(), channels, n_classes)
    return [*internal, last]


@torch.no_grad()
def draw_weights(network: nn.Module, backbone: Backbone, generator: torch.Generator) -> None:
    """Draw initial weights in place, as the code of each backbone does.

    Convolutions: N(0, 2 / (kernel area * output channels)), of a mobilenet PyTorch's default. Linear layers: PyTorch's
    default, of a vgg N(0, 0.01^2). Biases: PyTorch's default, but 0 of a vgg's layers and a wrn's linear layers. Shares
    of the maximum: U(0, 1).
    """
    for module in network.modules():
        match module:
            case nn.BatchNorm2d():
                module.reset_parameters()
            case Mixture():
                module.share.uniform_(0, 1, generator=generator)
            case nn.Conv2d() | nn.Linear():
                _draw_layer(module, backbone, generator)


def _draw_layer(layer: nn.Conv2d | nn.Linear, backbone: Backbone, generator: torch.Generator) -> None:
    is_linear = isinstance(layer, nn.Linear)
    bound = 1 / sqrt(layer.weight[0].numel())
    if not is_linear and backbone != "mobilenet":
        deviation = sqrt(2 / (layer.weight[0, 0].numel() * layer.weight.shape[0]))
        layer.weight.normal_(0, deviation, generator=generator)
    elif is_linear and backbone == "vgg":
        layer.weight.normal_(0, 0.01, generator=generator)
    else:
        layer.weight.uniform_(-bound, bound, generator=generator)
    if layer.bias is None:
        return
    if backbone == "vgg" or (is_linear and backbone == "wrn"):
        layer.bias.zero_()
    else:
        layer.bias.uniform_(-bound, bound, generator=generator)
