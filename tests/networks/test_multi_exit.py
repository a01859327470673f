from typing import NoReturn

import torch
from torch import Tensor, nn

from overthink.networks.multi_exit import ExitHead, PlainNetwork, State


class Doubled(nn.Module):
    def forward(self, state: State) -> State:
        return tuple(2 * features for features in state)


class Unreachable(nn.Module):
    def forward(self, state: State) -> NoReturn:
        raise AssertionError("nobody asked for this block")


class Means(nn.Module):
    def forward(self, state: State) -> Tensor:
        return state[-1].mean((2, 3))


def head() -> ExitHead:
    made = ExitHead(Means(), width=2, n_classes=2)
    with torch.no_grad():
        made.classify.weight.copy_(torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
        made.classify.bias.copy_(torch.tensor([0.5, 0.0]))
    return made


def test_hand_worked_logits() -> None:
    network = PlainNetwork([Doubled(), Doubled()], [head(), head()])
    images_BKHW = torch.stack([torch.full((3, 3), 1.0), torch.full((3, 3), 3.0)])[None]
    first_BC, second_BC = network(images_BKHW)
    assert first_BC.tolist() == [[2.5, 8.0]]
    assert second_BC.tolist() == [[4.5, 16.0]]
    assert network.n_exits == 2
    assert network.exits[0].width == 2


def test_a_head_is_its_two_parts() -> None:
    one, state = head(), (torch.rand(3, 2, 4, 4),)
    assert torch.equal(one(state), one.classify(one.features(state)))
    assert one.features(state).shape == (3, one.width)


def test_who_stops_asking_stops_the_computing() -> None:
    network = PlainNetwork([Doubled(), Unreachable()], [head(), head()])
    states = network.states(torch.ones(1, 2, 3, 3))
    assert torch.equal(network.exits[0](next(states)), torch.tensor([[2.5, 4.0]]))
