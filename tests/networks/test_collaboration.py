import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from overthink.networks.collaboration import CollaborativeNetwork
from overthink.networks.collaboration_spec import CollaborationSpec
from overthink.networks.cost import mul_adds, parameter_counts
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import ExitHead, MultiExitNetwork, PlainNetwork, State

SHAPE = (3, 16, 16)
TINY = MSDNetSpec(kind="msdnet", blocks=3, channels=4, growth=2, head_channels=6)


def tiny() -> MultiExitNetwork:
    return TINY.build(SHAPE, 4, torch.Generator().manual_seed(0))


def collaborative(network: MultiExitNetwork, **of: Any) -> CollaborativeNetwork:
    attached = CollaborationSpec(kind="isc", **of).build(network, torch.Generator().manual_seed(1))
    assert isinstance(attached, CollaborativeNetwork)
    return attached


def images(n: int = 5) -> Tensor:
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(2))


class Doubled(nn.Module):
    def forward(self, state: State) -> State:
        return (2 * state[0],)


class Means(nn.Module):
    def forward(self, state: State) -> Tensor:
        return state[-1].mean((2, 3))


def test_identity_by_hand() -> None:
    """One channel of mean 1: exits see 2 and 4. Exit 1 says (2, -2); exit 2 reads its feature and those logits."""
    plain = PlainNetwork([Doubled(), Doubled()], [ExitHead(Means(), 1, 2), ExitHead(Means(), 1, 2)])
    network = collaborative(plain, connection="identity")
    first, second = (head.classify for head in network.exits)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0], [-1.0]]))  # type: ignore[operator,union-attr]
        first.bias.zero_()  # type: ignore[operator,union-attr]
        second.weight.copy_(torch.tensor([[1.0, 10.0, 100.0], [0.0, 1.0, 1.0]]))  # type: ignore[operator,union-attr]
        second.bias.copy_(torch.tensor([0.5, 0.25]))  # type: ignore[operator,union-attr]
    one, two = network(torch.ones(1, 1, 3, 3))
    assert one.tolist() == [[2.0, -2.0]]
    assert two.tolist() == [[4.0 + 20.0 - 200.0 + 0.5, 2.0 - 2.0 + 0.25]]


@pytest.mark.parametrize("connection", ["linear", "identity", "convolution"])
def test_forward_against_plain_functions(connection: str) -> None:
    network = collaborative(tiny(), connection=connection, width=5).eval()
    state = {name: tensor.double() for name, tensor in network.state_dict().items()}
    network = network.double()
    expected: list[Tensor] = []
    exit_output: Tensor | None = None
    for i, scales in enumerate(network.inner.states(images().double())):
        maps = network.exits[i].features.convolutions(scales[-1])  # type: ignore[union-attr,operator]
        features = maps.mean((2, 3))
        if exit_output is not None:
            features = torch.cat([features, by_functions(connection, exit_output, state, i - 1)], 1)
        weight, bias = (state[f"inner.exits.{i}.classify.{name}"] for name in ("weight", "bias"))
        expected.append(features @ weight.T + bias)
        exit_output = maps if connection == "convolution" else expected[-1]
    for ours, theirs in zip(network(images().double()), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def by_functions(connection: str, given: Tensor, state: dict[str, Tensor], number: int) -> Tensor:
    def of(name: str) -> Tensor:
        return state[f"connections.{number}.{name}"]

    if connection == "identity":
        return given
    linear = connection == "linear"
    made = given @ of("0.weight").T + of("0.bias") if linear else functional.conv2d(given, of("0.weight"), padding=1)
    mean, variance = of("1.running_mean"), of("1.running_var")
    shape = (1, -1) if linear else (1, -1, 1, 1)
    made = (made - mean.view(shape)) / (variance.view(shape) + 1e-5).sqrt() * of("1.weight").view(shape)
    made = (made + of("1.bias").view(shape)).clamp(min=0)
    return made if linear else made.mean((2, 3))


@pytest.mark.parametrize("connection", ["linear", "identity", "convolution"])
def test_grown_last_layers_change_no_output(connection: str) -> None:
    """Up to rounding: a wider product may add up in another order, which has been seen to move the last bit."""
    plain = tiny().eval()
    before = copy.deepcopy(plain)(images())
    after = collaborative(plain, connection=connection, last_layers="grown").eval()(images())
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


def test_new_last_layers_are_new_everywhere() -> None:
    before = [head.classify for head in tiny().exits]
    after = [head.classify for head in collaborative(tiny()).exits]
    assert not torch.equal(before[0].weight, after[0].weight)  # type: ignore[arg-type,union-attr]
    assert [layer.in_features for layer in after] == [6, 6 + 128, 6 + 128]  # type: ignore[union-attr]


@pytest.mark.parametrize("gradient", [True, False])
def test_whether_an_exit_is_taught_through_its_connection(gradient: bool) -> None:
    network = collaborative(tiny(), gradient=gradient)
    network(images())[1].sum().backward()
    head = network.exits[0]
    assert isinstance(head, ExitHead)
    first = head.classify.weight.grad
    assert (first is not None and bool(first.any())) is gradient
    assert network.connections[0][0].weight.grad is not None  # type: ignore[index]


def test_costs_include_the_connections() -> None:
    """Linear, width 5, 4 classes, features of 6: Linear(4, 5), BatchNorm (two numbers a channel), ReLU."""
    plain_costs, plain_sizes = mul_adds(tiny(), SHAPE), parameter_counts(tiny())
    network = collaborative(tiny(), width=5)
    connection, wider = 4 * 5 + 5 + 5, 5 * 4
    assert mul_adds(network, SHAPE) == tuple(c + i * (connection + wider) for i, c in enumerate(plain_costs))
    assert parameter_counts(network) == tuple(n + i * (4 * 5 + 5 + 2 * 5 + wider) for i, n in enumerate(plain_sizes))
    assert parameter_counts(network)[-1] == sum(p.numel() for p in network.parameters())


def test_costs_of_other_connections() -> None:
    """Identity: 4 more inputs for 4 classes. Convolution: from 6 to 5 channels on maps of 1x1 pixels, 9 taps each."""
    plain_costs, plain_sizes = mul_adds(tiny(), SHAPE), parameter_counts(tiny())
    network = collaborative(tiny(), connection="identity")
    assert mul_adds(network, SHAPE) == tuple(c + i * 4 * 4 for i, c in enumerate(plain_costs))
    assert parameter_counts(network) == tuple(n + i * 4 * 4 for i, n in enumerate(plain_sizes))
    network = collaborative(tiny(), connection="convolution", width=5)
    convolution, relu, pooling, wider = 9 * 6 * 5, 5, 5, 5 * 4
    more = convolution + relu + pooling + wider
    assert mul_adds(network, SHAPE) == tuple(c + i * more for i, c in enumerate(plain_costs))
    more = convolution + 2 * 5 + wider
    assert parameter_counts(network) == tuple(n + i * more for i, n in enumerate(plain_sizes))


def test_the_last_exit_alone_is_the_last_exit() -> None:
    for network in (tiny().eval(), collaborative(tiny()).eval()):
        assert torch.equal(network.last_logits(images()), network(images())[-1])


def test_who_stops_asking_stops_the_computing() -> None:
    network = collaborative(tiny()).eval()
    network.inner.blocks[1] = nn.Softplus()  # fails on a tuple
    next(network.logits(images()))
    with pytest.raises(TypeError):
        network(images())


def test_attaching_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="already"):
        collaborative(collaborative(tiny()))


def test_feature_maps_are_needed_for_a_convolution() -> None:
    plain = PlainNetwork([Doubled()], [ExitHead(Means(), 1, 2)])
    with pytest.raises(ValueError, match="which this network lacks"):
        collaborative(plain, connection="convolution")


def test_only_the_generator_is_drawn_from() -> None:
    state = torch.random.get_rng_state()
    one, other = collaborative(tiny()).state_dict(), collaborative(tiny()).state_dict()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(one[name], other[name]) for name in one)
