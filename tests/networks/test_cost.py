from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from overthink.networks.cost import mul_adds, parameter_counts
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import ExitHead, MultiExitNetwork, PlainNetwork, State
from support.msdnet_arithmetic import bill, specs

ANYTIME = {"blocks": 7, "step_mode": "even", "base": 4, "step": 2}


def built(spec: MSDNetSpec, shape: tuple[int, int, int], n_classes: int) -> MultiExitNetwork:
    return spec.build(shape, n_classes, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "changes, n_classes, millions, parameters",
    [
        ({}, 100, "6.860 14.350 27.537 41.715 58.481", (299_704, 649_740, 1_018_308, 1_492_424, 2_078_924)),
        ({}, 10, "6.848 14.327 27.502 41.668 58.423", (288_094, 626_520, 983_478, 1_445_984, 2_020_874)),
        (
            ANYTIME,
            100,
            "15.140 25.506 37.096 46.331 57.336 66.961 75.938",
            (433_876, 876_792, 1_274_952, 1_695_548, 2_178_352, 2_603_252, 3_067_960),
        ),
    ],
)
def test_what_the_reference_counts(
    changes: dict[str, Any], n_classes: int, millions: str, parameters: tuple[int, ...]
) -> None:
    network = built(MSDNetSpec.model_validate({"kind": "msdnet"} | changes), (3, 32, 32), n_classes)
    assert parameter_counts(network) == parameters
    assert " ".join(f"{cost / 1e6:.3f}" for cost in mul_adds(network, (3, 32, 32))) == millions


def test_without_transitions_as_the_reference_counts() -> None:
    """Transitions that keep every channel (reduction 1) would cost more."""
    changes = {"kind": "msdnet", "blocks": 4, "base": 2, "step": 2, "reduction": 0}
    network = built(MSDNetSpec.model_validate(changes), (3, 32, 32), 100)
    assert parameter_counts(network)[-1] == 2_457_736
    assert mul_adds(network, (3, 32, 32)) == (9_362_020, 21_086_920, 43_695_916, 79_324_048)


def test_hand_worked() -> None:
    spec = MSDNetSpec(
        kind="msdnet", blocks=1, scales=1, channels=2, growth=1, growth_factors=(1,), bottleneck=False, head_channels=3
    )
    network = built(spec, (1, 4, 4), 2)
    first, layer, linear = 9 * 2, 9 * 2 * 1, 3 * 2 + 2
    assert parameter_counts(network) == ((first + 2 * 2) + (layer + 2) + 2 * (9 * 3 * 3 + 2 * 3) + linear,)
    exit_mul_adds = (81 * 4 + 3 * 4) + (81 + 3) + 3 + linear
    assert mul_adds(network, (1, 4, 4)) == ((first * 16 + 2 * 16) + (layer * 16 + 16) + exit_mul_adds,)


@settings(max_examples=60, deadline=None)
@given(specs(), st.integers(1, 4), st.integers(33, 36), st.integers(33, 36), st.integers(2, 12))
def test_against_plain_arithmetic(spec: MSDNetSpec, channels: int, height: int, width: int, n_classes: int) -> None:
    shape = (channels, height, width)
    network = built(spec, shape, n_classes)
    counted = zip(parameter_counts(network), mul_adds(network, shape), strict=True)
    assert list(counted) == list(bill(spec, shape, n_classes))
    assert parameter_counts(network)[-1] == sum(p.numel() for p in network.parameters())


def test_the_network_is_left_as_it_is() -> None:
    network = built(MSDNetSpec(kind="msdnet", channels=4, growth=2), (3, 32, 32), 10).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    mul_adds(network, (3, 32, 32))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(module.training and not module._forward_hooks for module in network.modules())
    assert all(p.device.type == "cpu" and p.requires_grad for p in network.parameters())


class Scaled(nn.Module):
    """A weight of its own beside a layer that is known."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.relu = nn.ReLU()

    def forward(self, given: Tensor) -> Tensor:
        positive: Tensor = self.relu(given)
        return self.weight * positive


class Features(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, state: State) -> Tensor:
        found_BKHW: Tensor = self.layer(state[-1])
        return found_BKHW.mean((2, 3))


@pytest.mark.parametrize("layer", [nn.PReLU(), nn.Softplus(), Scaled()])
def test_a_layer_that_nobody_can_count_is_named(layer: nn.Module) -> None:
    network = PlainNetwork([nn.Identity()], [ExitHead(Features(layer), 3, 2)])
    with pytest.raises(TypeError, match=f"MUL-ADDs of {type(layer).__name__}"):
        mul_adds(network, (3, 8, 8))
