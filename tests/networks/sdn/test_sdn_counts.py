"""Parameters and multiply-adds, counted here from shapes alone, against those of the paper's networks."""

from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from overthink.networks.cost import mul_adds, parameter_counts
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.networks.sdn.layout import PUBLISHED, Backbone, places
from overthink.networks.sdn.spec import SdnSpec


class Row(NamedTuple):
    """Of the network without internal classifiers, and with them: parameters, multiply-adds of convolutions and linear
    layers; and the shares (%) of those without that are done where internal classifiers stand."""

    parameters: int
    with_classifiers: int
    multiply_adds: int
    all_multiply_adds: int
    shares: str


CIFAR_10, TINY = ((3, 32, 32), 10), ((3, 64, 64), 200)
TABLE: dict[tuple[Backbone, Any], Row] = {
    ("vgg", CIFAR_10): Row(15_253_578, 15_468_683, 313_725_952, 313_940_992, "12.6 30.6 48.7 60.7 78.8 90.8"),
    ("vgg", TINY): Row(21_222_664, 26_753_470, 1_259_282_432, 1_264_812_032, "12.6 30.5 48.5 60.5 78.5 90.5"),
    ("resnet", CIFAR_10): Row(855_770, 891_676, 125_747_840, 125_783_680, "15.4 30.4 44.5 59.6 73.7 88.7"),
    ("resnet", TINY): Row(868_120, 1_586_126, 125_760_000, 126_476_800, "15.4 30.4 44.5 59.6 73.7 88.7"),
    ("wrn", CIFAR_10): Row(7_404_074, 7_547_500, 1_185_335_808, 1_185_479_168, "16.8 29.6 45.7 58.4 74.5 87.3"),
    ("wrn", TINY): Row(7_452_904, 10_321_310, 1_185_384_448, 1_188_251_648, "16.8 29.6 45.7 58.4 74.5 87.3"),
    ("mobilenet", CIFAR_10): Row(3_217_226, 3_483_520, 46_354_432, 46_620_672, "21.6 35.6 49.5 67.9 90.9"),
    ("mobilenet", TINY): Row(3_411_976, 11_195_381, 185_581_568, 193_363_968, "21.6 35.6 49.4 67.8 90.8"),
}


def built(backbone: Backbone, shape: tuple[int, int, int], n_classes: int, **how: Any) -> MultiExitNetwork:
    strided = {"stem_stride": 2} if shape[1] == 64 and backbone in ("resnet", "wrn") else {}
    spec = SdnSpec(kind="sdn", backbone=backbone, **(how | strided))
    return spec.build(shape, n_classes, torch.Generator())


def multiply_adds(network: MultiExitNetwork, shape: tuple[int, int, int]) -> list[tuple[int, int]]:
    """Return, for each exit, the multiply-adds of convolutions and linear layers of its block and of its head."""
    counted: list[list[int]] = [[0, 0]]

    def hook(place: int) -> Any:
        def count(layer: nn.Module, given: tuple[Tensor], output: Tensor) -> None:
            if isinstance(layer, nn.Conv2d):
                height, width = output.shape[2:]
                per_output = layer.in_channels // layer.groups * layer.kernel_size[0] * layer.kernel_size[1]
                counted[-1][place] += layer.out_channels * height * width * per_output
            elif isinstance(layer, nn.Linear):
                counted[-1][place] += layer.in_features * layer.out_features

        return count

    for place, modules in enumerate((network.blocks, network.exits)):
        for module in modules.modules():
            module.register_forward_hook(hook(place))
    with torch.no_grad():
        for _ in network.eval().logits(torch.zeros(1, *shape)):
            counted += [[0, 0]]
    return [(block, head) for block, head in counted[:-1]]


@pytest.mark.parametrize("backbone, data", TABLE, ids=str)
def test_the_papers_networks(backbone: Backbone, data: Any) -> None:
    (shape, _), row = data, TABLE[backbone, data]
    plain, network = built(backbone, *data, exits_after=()), built(backbone, *data)
    assert parameter_counts(plain) == (row.parameters,)
    assert parameter_counts(network)[-1] == row.with_classifiers
    assert network.n_exits == len(row.shares.split()) + 1
    blocks, heads = zip(*multiply_adds(network, shape), strict=True)
    assert sum(blocks) + heads[-1] == row.multiply_adds
    assert sum(blocks) + sum(heads) == row.all_multiply_adds
    assert multiply_adds(plain, shape) == [(sum(blocks), heads[-1])]
    reached = [100 * part / row.multiply_adds for part in accumulate(blocks[:-1])]
    assert " ".join(f"{share:.1f}" for share in reached) == row.shares


def test_counted_by_hand_as_the_platform_counts() -> None:
    """Two residual blocks of 2 and 4 channels on 8x8 images of one channel, an exit after the first; three classes."""
    network = built("resnet", (1, 8, 8), 3, layers=(1, 1), width=2, exits_after=(1,))
    stem = 64 * 2 * 9 + 64 * 2  # convolution, ReLU
    first = 2 * (64 * 2 * 18) + 2 * 64 * 2  # two convolutions, two ReLUs; the addition is free
    classifier = 2 * (16 * 2 * 4) + 2 * 16 * 2 + 3 * 32 + 3  # poolings of 2x2, mixture, linear layer
    second = 16 * 4 * 18 + 16 * 4 * 36 + 16 * 4 * 2 + 2 * 16 * 4  # 3x3 of 2 and 4 channels, 1x1 of 2, ReLUs
    last = 16 * 4 + 3 * 4 + 3
    assert mul_adds(network, (1, 8, 8)) == (stem + first + classifier, stem + first + classifier + second + last)


def test_a_vgg_counted_by_hand() -> None:
    """One convolution of 2 channels with a bias on 4x4 images, a pooling to 2x2, hidden layers of 64 and 32."""
    network = built("vgg", (1, 4, 4), 3, layers=(1,), width=2)
    convolution = 16 * 2 * 9 + 16 * 2 + 16 * 2 + 4 * 2 * 4
    hidden = (8 * 64 + 64) + 64 + (64 * 32 + 32) + (32 * 3 + 3)
    assert mul_adds(network, (1, 4, 4)) == (convolution + hidden,)


def test_places_are_the_papers_where_its_network_is_counted_alike() -> None:
    """The paper counts depthwise convolutions too high, so that its MobileNet has other places."""
    for backbone in ("vgg", "resnet", "wrn"):
        known = PUBLISHED[backbone]
        assert places(backbone, known.layers, known.width) == known.after
    for layers in ((1,), (2, 1), (3, 3, 3), (40, 40, 40)):
        found = places("resnet", layers, 8)
        assert all(one < other for one, other in pairwise((0, *found, sum(layers))))
