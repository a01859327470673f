import pytest
import torch
from torch import Tensor, nn

from overthink.networks.folding import ConvolutionReLU, folded
from overthink.networks.multi_exit import ExitHead, MultiExitNetwork, PlainNetwork, State
from support.trained_networks import SHAPE, images, settled


class First(nn.Sequential):
    """Layers on the coarsest scale."""

    def forward(self, state: State) -> State:
        coarsest: Tensor = state[-1]
        for layer in self:
            coarsest = layer(coarsest)
        return (coarsest,)


class Means(nn.Module):
    def forward(self, state: State) -> Tensor:
        return state[-1].mean((2, 3))


def norms(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]


def assert_close(ours: MultiExitNetwork, theirs: MultiExitNetwork) -> None:
    with torch.no_grad():
        for one, other in zip(ours(images(4)), theirs(images(4)), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_by_hand() -> None:
    """1x1 convolution of weight 3; BatchNorm of mean 2, deviation 2, scale 4, shift 1: y = 4 (3x - 2) / 2 + 1."""
    convolution, norm = nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1, eps=0.0)
    for values, value in ((convolution.weight, 3.0), (norm.weight, 4.0), (norm.bias, 1.0)):
        nn.init.constant_(values, value)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.fill_(2.0)
    norm.running_var.fill_(4.0)
    network = folded(PlainNetwork([First(convolution, norm)], [ExitHead(Means(), 1, 2)]))
    layer, gone = list(network.blocks[0].children())
    assert [value.item() for value in layer.parameters()] == [6.0, -3.0]
    assert isinstance(gone, nn.Identity)


@pytest.mark.parametrize("connection", [None, "linear", "convolution", "identity"])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_outputs_are_equal_but_for_rounding(connection: str | None, memory_format: torch.memory_format) -> None:
    network = settled(connection)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    made = folded(network, memory_format)
    assert not norms(made)
    assert_close(made, network)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_a_convolution_and_its_relu_become_one_layer() -> None:
    made = folded(settled("linear"))
    assert any(isinstance(module, ConvolutionReLU) for module in made.modules())
    assert not any(isinstance(module, nn.ReLU) for module in made.blocks.modules())


def test_a_grouped_convolution_stays_as_it_is() -> None:
    layers = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2, bias=False), nn.BatchNorm2d(4), nn.ReLU())
    network = PlainNetwork([First(nn.Conv2d(SHAPE[0], 4, 1), layers)], [ExitHead(Means(), 4, 2)]).eval()
    assert not any(isinstance(module, ConvolutionReLU) for module in folded(network).modules())
    assert_close(folded(network), network)


def test_a_network_in_training_is_folded_as_in_eval_mode() -> None:
    network = settled().train()
    made = folded(network)
    assert network.training
    assert not made.training
    assert_close(made, network.eval())


def test_a_norm_without_a_layer_before_it_stays() -> None:
    network = PlainNetwork([First(nn.BatchNorm2d(SHAPE[0]))], [ExitHead(Means(), SHAPE[0], 2)]).eval()
    made = folded(network)
    assert len(norms(made)) == 1
    assert_close(made, network)
