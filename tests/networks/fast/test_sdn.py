"""Shallow-Deep Networks by plans and by native kernels: exits read maps that units and shortcuts read, too."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from overthink.inference.exiting import EarlyExit
from overthink.networks.availability import native_obstacle
from overthink.networks.fast.layers import NotPlannableError
from overthink.networks.fast.lowering import plan_of
from overthink.networks.fast.native import NativeKernels
from overthink.networks.kernels import TORCH
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.networks.sdn.spec import SdnSpec
from overthink.training.phases import make_ready
from overthink.training.regime import Phase
from support.built_kernels import KernelsForTests
from support.plan_in_torch import executed

SHAPE = (3, 20, 16)
SMALL: dict[str, dict[str, Any]] = {
    "resnet": {"layers": (2, 1, 2), "width": 6, "exits_after": (1, 2, 4)},
    "vgg": {"layers": (1, 2, 1), "width": 5, "exits_after": (1, 2), "dropout": 0.0},
    "mobilenet": {"layers": (1, 2, 2), "width": 6, "exits_after": (1, 2, 3)},
}
LARGEST_ERROR = 1e-5


def spec_of(backbone: str) -> SdnSpec:
    return SdnSpec(kind="sdn", backbone=backbone, **SMALL[backbone])  # type: ignore[arg-type]


def built(backbone: str) -> MultiExitNetwork:
    return spec_of(backbone).build(SHAPE, 10, torch.Generator().manual_seed(0))


def images(count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(seed))


def gradients(network: MultiExitNetwork, logits_EBC: tuple[Tensor, ...]) -> dict[str, Tensor]:
    torch.stack([(logits * number).square().mean() for number, logits in enumerate(logits_EBC, 1)]).sum().backward()
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def biases(network: MultiExitNetwork) -> set[str]:
    """Names of the biases of convolutions, which a BatchNorm subtracts again."""
    return {f"{name}.bias" for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("backbone", SMALL)
def test_a_plan_computes_the_network(backbone: str, frozen: bool) -> None:
    network = built(backbone).double()
    make_ready(network, Phase(epochs=1, freeze="backbone", exits="earlier") if frozen else Phase(epochs=1))
    other, batch = copy.deepcopy(network), images(4).double()
    plan = plan_of(other, SHAPE)
    expected, found = network(batch), tuple(other.logits_of_maps(executed(plan, batch)))
    torch.testing.assert_close(found, expected)
    if frozen:
        expected, found = expected[:-1], found[:-1]
    truth, ours = gradients(network, expected), gradients(other, found)
    assert truth.keys() - ours.keys() == (set() if frozen else biases(network) & truth.keys())
    assert all(truth[name].abs().max() < 1e-12 for name in truth.keys() - ours.keys())
    torch.testing.assert_close(ours, {name: truth[name] for name in ours})
    torch.testing.assert_close(other.state_dict(), network.state_dict())


def without_relu(network: MultiExitNetwork) -> MultiExitNetwork:
    """Return a copy in float64 whose ReLUs are the identity, but those of layers that torch computes in both."""
    copied = copy.deepcopy(network).double()
    for module in copied.blocks.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU):
                setattr(module, name, nn.Identity())
    return copied


def error(found: Tensor, truth: Tensor) -> float:
    return float((found.double() - truth).detach().norm() / truth.detach().norm().clamp(min=1e-30))


@pytest.mark.parametrize("backbone", SMALL)
def test_gradients_statistics_and_an_evaluation_are_torchs(kernels: KernelsForTests, backbone: str) -> None:
    network = built(backbone).train()
    other, native = without_relu(network), NativeKernels(kernels.library(16, "-DIDENTITY"), threads=2)
    found = gradients(network, native.training(network)(images(24)))
    truth = gradients(other, TORCH.training(other)(images(24).double()))
    assert truth.keys() - found.keys() == biases(network) & truth.keys()
    largest = max(gradient.norm().item() for gradient in truth.values())
    for name in found:
        assert (found[name].double() - truth[name]).norm() < LARGEST_ERROR * max(truth[name].norm(), 0.1 * largest)
    mine, others = network.state_dict(), other.state_dict()
    for name in others:
        torch.testing.assert_close(mine[name].double(), others[name].double(), rtol=LARGEST_ERROR, atol=LARGEST_ERROR)
    evaluated = torch.stack(native.evaluation(network.eval())(images(24)))
    assert error(evaluated, torch.stack(other.eval()(images(24).double()))) < LARGEST_ERROR


@pytest.mark.parametrize("backbone", SMALL)
def test_real_early_exits_are_those_of_an_evaluation(kernels: KernelsForTests, backbone: str) -> None:
    network = built(backbone).train()
    for seed in range(3):  # statistics of its own
        network(images(40, seed))
    network.eval()
    native = NativeKernels(kernels.library(16), threads=1)
    whole_EBC = native.evaluation(network)(images(40))
    passage, left = native.exit_by_exit(network)(images(40)), torch.arange(40)
    for logits_BC in whole_EBC:
        torch.testing.assert_close(passage.next_logits(), logits_BC[left], rtol=0, atol=1e-6)
        passage.keep(torch.arange(0, len(left), 3))
        left = left[::3]
    thresholds = [0.2] * network.n_exits
    by_torch = EarlyExit(network, thresholds)(images(40)).exit_B
    assert torch.equal(EarlyExit(network, thresholds, kernels=native)(images(40)).exit_B, by_torch)


def test_what_the_kernels_lack_is_named() -> None:
    wide = SdnSpec(kind="sdn", backbone="wrn", layers=(1, 1), width=16)
    assert native_obstacle(wide, SHAPE, 10, 16) == "they cannot compute blocks.0: a convolution without BatchNorm"
    vgg: Any = built("vgg")
    with torch.no_grad():
        vgg.blocks[0].units[0][0].bias += 1
    with pytest.raises(NotPlannableError, match=r"^blocks\.0: a convolution with bias = numbers other than 0$"):
        plan_of(vgg, SHAPE)


def test_equilibrium_is_an_obstacle_before_training_and_the_last_exit_alone_is_none() -> None:
    said = native_obstacle(spec_of("resnet"), SHAPE, 10, 16, equilibrium=True)
    assert said is not None
    assert "gradient equilibrium on maps" in said
    msdnet = MSDNetSpec(kind="msdnet", blocks=2, channels=4, growth=2, head_channels=4)
    said = native_obstacle(msdnet, SHAPE, 10, 16, last_exit_alone=True)
    assert said == "they cannot compute a frozen convolution after layers that learn"
    network = built("resnet")
    make_ready(network, Phase(epochs=1, exits="last"))
    assert plan_of(network, SHAPE).learning
