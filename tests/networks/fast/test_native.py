"""Whole networks by the native kernels, against torch in float64."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from overthink.networks.collaboration_spec import CollaborationSpec
from overthink.networks.fast.native import NativeKernels
from overthink.networks.kernels import TORCH, Descent, Kernels
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.networks.resnet_spec import ResNetSpec
from overthink.training.phases import make_ready
from overthink.training.regime import Phase
from support.built_kernels import KernelsForTests

SHAPE = (3, 20, 16)
SPECS: dict[str, dict[str, Any]] = {
    "bottlenecks": {"channels": 4, "growth": 3, "head_channels": 8, "blocks": 3},
    "no bottlenecks": {"channels": 5, "growth": 4, "bottleneck": False, "step_mode": "even", "head_channels": 9},
    "no transitions": {"channels": 4, "growth": 2, "reduction": 0, "blocks": 2, "head_channels": 7},
}
LARGEST_ERROR = 1e-5


@pytest.fixture(params=SPECS)
def network(request: pytest.FixtureRequest) -> MultiExitNetwork:
    spec = MSDNetSpec(kind="msdnet", **SPECS[request.param])
    return spec.build(SHAPE, 10, torch.Generator().manual_seed(0))


def images(count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(seed))


def without_relu(network: MultiExitNetwork) -> MultiExitNetwork:
    """Return a copy in float64 whose ReLUs are the identity, as in an IDENTITY build of the kernels."""
    copied = copy.deepcopy(network).double()
    for module in copied.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU):
                setattr(module, name, nn.Identity())
    return copied


def gradients(kernels: Kernels, network: MultiExitNetwork, batch: Tensor, equilibrium: bool) -> dict[str, Tensor]:
    logits_EBC = kernels.training(network, equilibrium)(batch)
    torch.stack([(logits * number).square().mean() for number, logits in enumerate(logits_EBC, 1)]).sum().backward()
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def error(found: Tensor, truth: Tensor) -> float:
    return float((found.double() - truth).detach().norm() / truth.detach().norm().clamp(min=1e-30))


def check(library: Any, network: MultiExitNetwork, count: int = 24, equilibrium: bool = False) -> None:
    """Compare gradients, statistics and an evaluation after them."""
    other, kernels = without_relu(network), NativeKernels(library, threads=2)
    found = gradients(kernels, network, images(count), equilibrium)
    truth = gradients(TORCH, other, images(count).double(), equilibrium)
    assert found.keys() == truth.keys()
    assert found
    largest = max(gradient.norm().item() for gradient in truth.values())
    for name in truth:  # without ReLUs, a shift before a BatchNorm has the gradient 0
        assert (found[name].double() - truth[name]).norm() < LARGEST_ERROR * max(truth[name].norm(), 0.1 * largest)
    mine, others = network.state_dict(), other.state_dict()
    for name in others:
        torch.testing.assert_close(mine[name].double(), others[name].double(), rtol=LARGEST_ERROR, atol=LARGEST_ERROR)
    evaluated = torch.stack(kernels.evaluation(network.eval())(images(count)))
    assert error(evaluated, torch.stack(other.eval()(images(count).double()))) < LARGEST_ERROR


@pytest.mark.parametrize("equilibrium", [False, True])
def test_gradients_and_statistics(kernels: KernelsForTests, network: MultiExitNetwork, equilibrium: bool) -> None:
    check(kernels.library(16, "-DIDENTITY"), network.train(), equilibrium=equilibrium)


@pytest.mark.parametrize("layers", [(1,), (2, 1), (1, 2, 2)])
def test_residual_networks(kernels: KernelsForTests, layers: tuple[int, ...]) -> None:
    network = ResNetSpec(kind="resnet", layers=layers, width=6).build(SHAPE, 10, torch.Generator().manual_seed(0))
    check(kernels.library(16, "-DIDENTITY"), network.train())


@pytest.mark.parametrize("connection", ["linear", "identity", "convolution"])
def test_connections_between_exits(kernels: KernelsForTests, connection: Any) -> None:
    attach = CollaborationSpec(kind="isc", connection=connection, width=6)
    plain = MSDNetSpec(kind="msdnet", **SPECS["bottlenecks"]).build(SHAPE, 10, torch.Generator().manual_seed(0))
    network = attach.build(plain, torch.Generator().manual_seed(2)).train()
    found = NativeKernels(kernels.library(16), threads=1).training(network)(images(24))
    truth = copy.deepcopy(network).double()(images(24).double())
    torch.testing.assert_close(tuple(logits.double() for logits in found), truth, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("freeze", ["backbone", "features"])
def test_frozen_modules(kernels: KernelsForTests, network: MultiExitNetwork, freeze: Any) -> None:
    make_ready(network, Phase(epochs=1, freeze=freeze))
    before = copy.deepcopy(network.blocks.state_dict())
    check(kernels.library(16, "-DIDENTITY"), network)
    after = network.blocks.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def trained(kernels: Kernels, network: MultiExitNetwork, sizes: tuple[int, ...]) -> dict[str, Tensor]:
    """Take a few steps of SGD, the last batch smaller, and evaluate in between."""
    momenta: list[Tensor | None] = []
    for number, count in enumerate(sizes):
        kernels.evaluation(network.eval())(images(7))
        network.zero_grad(set_to_none=True)
        moving = gradients(kernels, network.train(), images(count, number), equilibrium=False)
        weights = [p for name, p in network.named_parameters() if name in moving]
        momenta = momenta or [None] * len(weights)
        with torch.no_grad():
            kernels.sgd(weights, list(moving.values()), momenta, Descent(0.1, 0.9, 1e-4))
    return network.state_dict()


def test_bits_are_the_same_at_any_number_of_threads(kernels: KernelsForTests, network: MultiExitNetwork) -> None:
    library = kernels.library(16)
    first, *others = (
        trained(NativeKernels(library, threads), copy.deepcopy(network), (33, 33, 5)) for threads in (1, 2, 3)
    )
    for other in others:
        assert all(torch.equal(first[name], other[name]) for name in first)


def test_steps_follow_torch(kernels: KernelsForTests, network: MultiExitNetwork) -> None:
    found = trained(NativeKernels(kernels.library(16), threads=1), copy.deepcopy(network), (24, 9))
    truth = trained(TORCH, copy.deepcopy(network), (24, 9))
    # signs of ReLUs flip by rounding, so that one step differs by 1e-3 where a wrong formula differs by 1
    assert max(error(found[name], truth[name].double()) for name in truth if "tracked" not in name) < 0.02


def test_a_roll_changes_the_rounding_alone(kernels: KernelsForTests, network: MultiExitNetwork) -> None:
    library = kernels.library(16)
    plain = gradients(NativeKernels(library, threads=1), network.train(), images(24), equilibrium=False)
    plain = {name: gradient.clone() for name, gradient in plain.items()}
    network.zero_grad(set_to_none=True)
    rolled = gradients(NativeKernels(library, threads=1, roll=5), network, images(24), equilibrium=False)
    assert not all(torch.equal(plain[name], rolled[name]) for name in plain)
    assert max(error(rolled[name], plain[name].double()) for name in plain) < 0.02


def test_a_backward_pass_of_an_earlier_forward_pass_is_refused(kernels: KernelsForTests) -> None:
    network = MSDNetSpec(kind="msdnet", **SPECS["no transitions"]).build(SHAPE, 10, torch.Generator())
    logits_of = NativeKernels(kernels.library(16), threads=1).training(network.train())
    earlier = logits_of(images(4))[0].sum()
    logits_of(images(4))
    with pytest.raises(AssertionError, match="earlier forward pass"):
        earlier.backward()


def test_other_weights_in_place_of_these_are_noticed(kernels: KernelsForTests) -> None:
    network = MSDNetSpec(kind="msdnet", **SPECS["no transitions"]).build(SHAPE, 10, torch.Generator().manual_seed(3))
    native = NativeKernels(kernels.library(16), threads=1)
    native.evaluation(network.eval())(images(4))
    for parameter in network.parameters():
        parameter.data = parameter.data * 2  # new memory
    torch.testing.assert_close(native.evaluation(network)(images(4)), network(images(4)), rtol=1e-4, atol=1e-4)
