import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

from overthink.networks.collaboration_spec import CollaborationSpec
from overthink.networks.fast.lowering import plan_of
from overthink.networks.fast.plan import NotPlannableError
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.networks.resnet_spec import ResNetSpec
from overthink.training.phases import make_ready
from overthink.training.regime import Phase
from support.msdnet_arithmetic import specs
from support.plan_in_torch import executed

SMALL: dict[str, Any] = {"kind": "msdnet", "channels": 4, "growth": 2, "head_channels": 8, "blocks": 3}
SHAPE = (3, 32, 32)


def built(spec: MSDNetSpec, shape: tuple[int, int, int] = SHAPE) -> MultiExitNetwork:
    return spec.build(shape, 10, torch.Generator().manual_seed(0)).double()


def images(count: int, shape: tuple[int, int, int] = SHAPE) -> Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def gradients(network: MultiExitNetwork, logits_EBC: tuple[Tensor, ...]) -> dict[str, Tensor]:
    sum(logits.square().sum() * number for number, logits in enumerate(logits_EBC, 1)).backward()  # type: ignore[union-attr]
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def both_ways(network: MultiExitNetwork, images_BKHW: Tensor, equilibrium: bool = False) -> None:
    """Compare logits, gradients and statistics by torch with those by the plan."""
    other = copy.deepcopy(network)
    plan = plan_of(other, SHAPE, equilibrium)
    expected, found = network(images_BKHW, equilibrium), tuple(other.logits_of_maps(executed(plan, images_BKHW)))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradients(other, found), gradients(network, expected))
    torch.testing.assert_close(other.state_dict(), network.state_dict())


@settings(max_examples=25, deadline=None)
@given(specs())
def test_a_plan_computes_the_network(spec: MSDNetSpec) -> None:
    if spec.stem == "imagenet":
        return
    network = built(spec).train()
    images_BKHW = images(2)
    plan = plan_of(network, SHAPE)
    torch.testing.assert_close(tuple(network.logits_of_maps(executed(plan, images_BKHW))), network(images_BKHW))


@pytest.mark.parametrize("equilibrium", [False, True])
@pytest.mark.parametrize("connection", [None, "linear", "identity", "convolution"])
def test_gradients_and_statistics(connection: str | None, equilibrium: bool) -> None:
    network = built(MSDNetSpec(**SMALL))
    if connection:
        attach = CollaborationSpec(kind="isc", connection=connection)  # type: ignore[arg-type]
        network = attach.build(network, torch.Generator().manual_seed(2)).double()
    both_ways(network.train(), images(4), equilibrium)


@pytest.mark.parametrize("freeze", ["backbone", "features"])
def test_frozen_modules_keep_their_statistics_and_get_no_gradients(freeze: str) -> None:
    network = built(MSDNetSpec(**SMALL))
    make_ready(network, Phase(epochs=1, freeze=freeze))  # type: ignore[arg-type]
    plan = plan_of(network, SHAPE)
    assert any(unit.frozen for unit in plan.units)
    assert all(unit.frozen for unit in plan.units) == (freeze == "features")
    both_ways(network, images(4))


def test_bottlenecks_that_read_the_same_maps_are_one_operation() -> None:
    plan = plan_of(built(MSDNetSpec(**SMALL)), SHAPE)
    narrow = [operation for operation in plan.operations if operation.unit.geometry[0] == 1]
    assert max(len(operation.parts) for operation in narrow) == 2
    assert len(plan.units) == len({id(unit.convolution) for unit in plan.units})


def test_what_the_kernels_lack_is_named() -> None:
    stem = MSDNetSpec(**{**SMALL, "stem": "imagenet"}).build((3, 64, 64), 10, torch.Generator())
    with pytest.raises(NotPlannableError, match=r"^blocks\.0\.0: .*MaxPool2d"):
        plan_of(stem, (3, 64, 64))
    resnet = ResNetSpec(kind="resnet", layers=(1, 1), width=8, stem="imagenet").build(SHAPE, 10, torch.Generator())
    with pytest.raises(NotPlannableError, match=r"^blocks\.0: .*MaxPool2d"):
        plan_of(resnet, SHAPE)


@pytest.mark.parametrize("layers", [(1,), (2, 1), (1, 2, 2)])
def test_residual_networks(layers: tuple[int, ...]) -> None:
    spec = ResNetSpec(kind="resnet", layers=layers, width=6)
    both_ways(spec.build(SHAPE, 10, torch.Generator().manual_seed(0)).double().train(), images(4))


def test_a_convolution_with_groups_is_named() -> None:
    network = built(MSDNetSpec(**SMALL))
    layer: Any = network.blocks[0][1]  # type: ignore[index]
    layer.normal[0][-1][0] = nn.Conv2d(8, 2, 3, padding=1, bias=False, groups=2).double()
    with pytest.raises(NotPlannableError, match=r"blocks\.0\.1: a convolution with groups = 2"):
        plan_of(network, SHAPE)
