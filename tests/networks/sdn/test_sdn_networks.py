"""Shallow-Deep Networks: everything that the platform does with a network, and their own layers."""

from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from overthink.inference.grad_cam import grad_cam
from overthink.networks.collaboration_spec import CollaborationSpec
from overthink.networks.folding import folded
from overthink.networks.multi_exit import ExitHead, MultiExitNetwork
from overthink.networks.passage import TorchPassage
from overthink.networks.sdn.classifier import Mixture, Reduced
from overthink.networks.sdn.spec import SdnSpec
from overthink.testing import check_network

SHAPE = (4, 16, 16)
SMALL: dict[str, dict[str, Any]] = {
    "vgg": {"layers": (1, 2, 1), "width": 4},
    "resnet": {"layers": (2, 1, 1), "width": 4},
    "wrn": {"layers": (1, 2), "width": 16},
    "mobilenet": {"layers": (1, 2, 1), "width": 4},
}


def spec_of(backbone: str, **how: Any) -> SdnSpec:
    return SdnSpec(kind="sdn", backbone=backbone, **(SMALL[backbone] | how))  # type: ignore[arg-type]


def settled(backbone: str, **how: Any) -> MultiExitNetwork:
    """Return a network in eval mode, whose BatchNorms have statistics of their own."""
    network = spec_of(backbone, **how).build(SHAPE, 5, torch.Generator().manual_seed(0)).train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for seed in range(3):
            network(images(20, seed))
    return network.eval()


def images(count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("backbone", SMALL)
def test_it_fits_the_platform(backbone: str) -> None:
    check_network(spec_of(backbone), SHAPE, 5)
    check_network(spec_of(backbone, exits_after=(2,)), (1, 9, 13), 2)


@pytest.mark.parametrize("backbone", SMALL)
def test_who_stays_is_computed_on_and_has_the_same_logits(backbone: str) -> None:
    network = settled(backbone)
    whole_EBC, passage, left = network(images(9)), TorchPassage(network, images(9)), torch.arange(9)
    for logits_BC in whole_EBC:
        torch.testing.assert_close(passage.next_logits(), logits_BC[left], rtol=1e-4, atol=1e-5)
        passage.keep(torch.arange(0, len(left), 2))
        left = left[::2]


@pytest.mark.parametrize("backbone", SMALL)
def test_folded_for_inference_it_answers_the_same(backbone: str) -> None:
    network = settled(backbone)
    torch.testing.assert_close(folded(network)(images(6)), network(images(6)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("connection", ["linear", "identity", "convolution"])
@pytest.mark.parametrize("backbone", SMALL)
def test_connections_between_exits(backbone: str, connection: Any) -> None:
    """`grown` last layers change nothing, so a connection that fits leaves the logits as they were."""
    network = settled(backbone)
    before = network(images(6))
    attach = CollaborationSpec(kind="isc", connection=connection, width=3, last_layers="grown")
    connected = attach.build(network, torch.Generator().manual_seed(1)).eval()
    torch.testing.assert_close(connected(images(6)), before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backbone", SMALL)
def test_grad_cam_shows_what_each_exit_sees(backbone: str) -> None:
    network = settled(backbone)
    heat_EBHW = grad_cam(network, images(3), torch.zeros(network.n_exits, 3, dtype=torch.int64))
    assert heat_EBHW.shape == (network.n_exits, 3, *SHAPE[1:])
    assert (heat_EBHW.amax((1, 2, 3)) > 0).any()


def test_an_internal_classifier_by_hand() -> None:
    """One map of 8x8 with the numbers 0 to 63: windows of 2x2, whose maximum is 4.5 above their mean."""
    features = Reduced(1, 8, 8)
    maps = torch.arange(64.0).reshape(1, 1, 8, 8)
    with torch.no_grad():
        features.mixture.share.fill_(0.25)
    mean = torch.stack([maps[0, 0, h : h + 2, w : w + 2].mean() for h in range(0, 8, 2) for w in range(0, 8, 2)])
    torch.testing.assert_close(features((maps,)), (mean + 0.25 * 4.5)[None])
    assert (features.n_features, Reduced(3, 3, 7).n_features, Reduced(2, 9, 17).n_features) == (16, 63, 2 * 4 * 8)
    assert not list(Reduced(3, 3, 7).parameters())


def test_shares_of_the_maximum_are_drawn() -> None:
    network = spec_of("resnet").build(SHAPE, 5, torch.Generator().manual_seed(0))
    shares = [module.share.item() for module in network.modules() if isinstance(module, Mixture)]
    assert len(shares) == len(set(shares)) == network.n_exits - 1
    assert all(0 < share < 1 for share in shares)


def test_a_vgg_is_drawn_as_its_code_draws_it() -> None:
    network = SdnSpec(kind="sdn", backbone="vgg").build((3, 32, 32), 10, torch.Generator().manual_seed(0))
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            deviation = (2 / (9 * module.out_channels)) ** 0.5 if isinstance(module, nn.Conv2d) else 0.01
            assert module.weight.std().item() == pytest.approx(deviation, rel=0.1)
            assert module.bias is not None
            assert not module.bias.any()
    widths = [layer.out_features for layer in network.exits[-1].modules() if isinstance(layer, nn.Linear)]
    assert sorted(widths) == [10, 512, 512]


def test_a_wide_unit_leaves_batchnorm_and_relu_to_its_successor() -> None:
    """An exit within reads the sum as it is; the last one reads it after BatchNorm and ReLU."""
    network = settled("wrn")
    *_, last = network.states(images(4))
    assert (last[0] < 0).any()
    head = cast(ExitHead, network.exits[-1])
    read = head.read(last)
    assert read.maps_BFHW is not None
    assert (read.maps_BFHW >= 0).all()
    torch.testing.assert_close(read.features_BF, read.maps_BFHW.mean((2, 3)))
    within = cast(ExitHead, network.exits[0])
    torch.testing.assert_close(
        within.read(next(network.states(images(4)))).maps_BFHW, next(network.states(images(4)))[0]
    )
