from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from overthink.inference.grad_cam import grad_cam
from overthink.networks.multi_exit import ExitHead, PlainNetwork, State
from support.trained_networks import images, settled


class Same(nn.Module):
    def forward(self, state: State) -> State:
        return state


class Mean(nn.Module):
    def forward(self, state: State) -> Tensor:
        return state[-1].mean(dim=(2, 3))


def hand_made() -> PlainNetwork:
    """One exit on the image itself: class 1 sums channel 1's mean and takes half of channel 2's away."""
    head = ExitHead(Mean(), 2, 2)
    head.classify.weight.data = torch.tensor([[0.0, 0.0], [1.0, -0.5]])
    head.classify.bias.data.zero_()
    return PlainNetwork([Same()], [head])


def test_by_hand() -> None:
    """Weights 1/4 and -1/8: relu of channel 1 minus half of channel 2, over its largest value."""
    image = torch.tensor([[[[4.0, 1.0], [0.0, 2.0]], [[0.0, 4.0], [2.0, 0.0]]]])
    heat_EBHW = grad_cam(hand_made(), image, torch.tensor([[1]]))
    torch.testing.assert_close(heat_EBHW, torch.tensor([[[[1.0, 0.0], [0.0, 0.5]]]]))


def test_nothing_speaks_for_a_class_without_weights() -> None:
    heat_EBHW = grad_cam(hand_made(), torch.rand(2, 2, 3, 3), torch.tensor([[0, 0]]))
    assert not heat_EBHW.any()
    assert heat_EBHW.shape == (1, 2, 3, 3)


@pytest.mark.parametrize("connection", [None, "linear", "convolution"])
def test_against_finite_differences(connection: Any) -> None:
    """The mean gradient of a map is what moving all of its places moves the score, over the number of places."""
    network, images_BKHW = settled(connection).double(), images(2).double()
    spoken_for = 0
    for label in range(4):
        found_EBHW = grad_cam(network, images_BKHW, torch.full((3, 2), label))
        for row in range(3):
            expected_BHW = brute_force(network, row, images_BKHW, label)
            torch.testing.assert_close(found_EBHW[row], expected_BHW, rtol=1e-4, atol=1e-5)
            spoken_for += int(expected_BHW.any())
    assert spoken_for >= 3


def brute_force(network: nn.Module, row: int, images_BKHW: Tensor, label: int, step: float = 1e-6) -> Tensor:
    maps_BFHW, _ = moved(network, row, images_BKHW, None)
    heat_BHW = torch.zeros_like(maps_BFHW[:, 0])
    for channel in range(maps_BFHW.shape[1]):
        _, more_BC = moved(network, row, images_BKHW, channel, step)
        _, less_BC = moved(network, row, images_BKHW, channel, -step)
        weight_B = (more_BC - less_BC)[:, label] / (2 * step) / maps_BFHW[0, 0].numel()
        heat_BHW += weight_B[:, None, None] * maps_BFHW[:, channel]
    heat_BHW = heat_BHW.clamp(min=0)
    heat_BHW = heat_BHW / heat_BHW.amax(dim=(1, 2), keepdim=True).clamp(min=1e-30)
    return functional.interpolate(heat_BHW[:, None], size=(16, 16), mode="bilinear")[:, 0]


@torch.no_grad()
def moved(
    network: nn.Module, row: int, images_BKHW: Tensor, channel: int | None, step: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Return the coarsest maps that an exit reads, and its logits, with one of the maps moved."""
    kept: list[Tensor] = []

    def move(_module: nn.Module, _given: Any, state: State) -> State:
        coarsest = state[-1].clone()
        kept.append(state[-1].clone())
        if channel is not None:
            coarsest[:, channel] += step
        return (*state[:-1], coarsest)

    hook = network.blocks[row].register_forward_hook(move)  # type: ignore[index, union-attr]
    logits_BC = network(images_BKHW)[row]
    hook.remove()
    return kept[0], logits_BC
