import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

from overthink.networks.collaboration_spec import CollaborationSpec
from overthink.networks.fast.layers import NotPlannableError
from overthink.networks.fast.lowering import plan_of
from overthink.networks.fast.plan import Operation, Plan, Pool
from overthink.networks.fast.plan_builder import PlanBuilder
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
    narrow = [operation for operation in plan.operations if operation.geometry[0] == 1]
    assert max(len(operation.parts) for operation in narrow) == 2
    assert len(plan.units) == len({id(unit.convolution) for unit in plan.units})


def test_what_the_kernels_lack_is_named() -> None:
    network: Any = MSDNetSpec(**{**SMALL, "stem": "imagenet"}).build((3, 64, 64), 10, torch.Generator())
    network.blocks[0][0].scales[0][1].ceil_mode = True
    with pytest.raises(NotPlannableError, match=r"^blocks\.0\.0: MaxPool2d with ceil_mode = True"):
        plan_of(network, (3, 64, 64))
    resnet: Any = ResNetSpec(kind="resnet", layers=(1, 1), width=8).build(SHAPE, 10, torch.Generator())
    resnet.blocks[0].stem[2] = nn.Tanh()
    with pytest.raises(NotPlannableError, match=r"^blocks\.0: .*Tanh"):
        plan_of(resnet, SHAPE)


@pytest.mark.parametrize("stem", ["small", "imagenet"])
@pytest.mark.parametrize("layers", [(1,), (2, 1), (1, 2, 2)])
def test_residual_networks(layers: tuple[int, ...], stem: Any) -> None:
    spec = ResNetSpec(kind="resnet", layers=layers, width=6, stem=stem)
    both_ways(spec.build(SHAPE, 10, torch.Generator().manual_seed(0)).double().train(), images(4))


def test_a_convolution_with_groups_is_named() -> None:
    network = built(MSDNetSpec(**SMALL))
    layer: Any = network.blocks[0][1]  # type: ignore[index]
    layer.normal[0][-1][0] = nn.Conv2d(8, 2, 3, padding=1, bias=False, groups=2).double()
    with pytest.raises(NotPlannableError, match=r"blocks\.0\.1: a convolution with groups = 2"):
        plan_of(network, SHAPE)


def lowered(*layers: nn.Module, shape: tuple[int, int, int] = (4, 9, 9)) -> Plan:
    builder = PlanBuilder(shape)
    builder.export(builder.layers(builder.images, *layers))
    return builder.plan()


def unit(n_in: int, n_out: int, **how: Any) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, bias=False, **how), nn.BatchNorm2d(n_out), nn.ReLU())


def test_layers_are_planned_one_after_the_other() -> None:
    layers = nn.Sequential(
        unit(4, 6, padding=1), nn.MaxPool2d(2), nn.Identity(), unit(6, 6, padding=1, groups=6), nn.AvgPool2d(3, 2, 1)
    ).double()
    images_BKHW = images(3, (4, 9, 9))
    plan = lowered(layers)
    assert [type(one) for one in plan.operations] == [Operation, Pool, Operation, Pool]
    torch.testing.assert_close(executed(plan, images_BKHW)[0], layers(images_BKHW))


@pytest.mark.parametrize(
    "layer, said",
    [
        (nn.MaxPool2d(8), "MaxPool2d with kernel_size = 8"),
        (nn.MaxPool2d((2, 3)), r"MaxPool2d with kernel_size = \(2, 3\)"),
        (nn.MaxPool2d(2, stride=5), "MaxPool2d with stride = 5"),
        (nn.MaxPool2d(3, padding=2), "MaxPool2d with padding = 2"),
        (nn.MaxPool2d(3, dilation=2), "MaxPool2d with dilation = 2"),
        (nn.MaxPool2d(2, return_indices=True), "MaxPool2d with return_indices = True"),
        (nn.AvgPool2d(2, ceil_mode=True), "AvgPool2d with ceil_mode = True"),
        (nn.AvgPool2d(3, padding=1, count_include_pad=False), "AvgPool2d with count_include_pad = False"),
        (nn.AvgPool2d(3, divisor_override=4), "AvgPool2d with divisor_override = 4"),
        (unit(6, 12, groups=6), "a convolution with groups = 6"),
        (unit(6, 6, groups=2), "a convolution with groups = 2"),
        (unit(5, 6), "6 channels lead into Conv2d"),
        (nn.Sequential(nn.MaxPool2d(7, 4), nn.MaxPool2d(2)), "maps of 1x1 with a kernel of 2x2"),
    ],
)
def test_what_a_layer_lacks_is_refused_here(layer: nn.Module, said: str) -> None:
    with pytest.raises(NotPlannableError, match=f"^{said}"):
        lowered(unit(4, 6, padding=1), layer)


def test_reading_what_the_kernels_could_not_take_back_is_refused() -> None:
    builder = PlanBuilder((4, 9, 9))
    maps = builder.unit(builder.images, unit(4, 6))
    builder.export(builder.unit(maps._replace(channels=5), unit(5, 2)))
    with pytest.raises(NotPlannableError, match="a convolution of some of the channels of a layer"):
        builder.plan()
    with pytest.raises(NotPlannableError, match="a frozen convolution after layers that learn"):
        lowered(unit(4, 6), unit(6, 6).eval())
    with pytest.raises(NotPlannableError, match="gradient equilibrium on maps that MaxPool2d"):
        builder.pool(maps._replace(gain=0.5), nn.MaxPool2d(2))


@pytest.mark.parametrize("exits", [(3,), (1, 3), (2,)])
def test_a_plan_of_some_exits_has_what_they_need(exits: tuple[int, ...]) -> None:
    network = built(MSDNetSpec(**SMALL)).eval()
    plan, images_BKHW = plan_of(network, SHAPE), images(2)
    some = plan.only(exits)
    expected = [executed(plan, images_BKHW)[number - 1] for number in exits]
    torch.testing.assert_close(executed(some, images_BKHW), expected, rtol=0, atol=0)
    heads = [unit for number in (1, 2, 3) if number not in exits for unit in _head(network, number)]
    assert not {id(unit.convolution) for unit in some.units} & {id(convolution) for convolution in heads}


def _head(network: MultiExitNetwork, number: int) -> list[nn.Conv2d]:
    return [module for module in network.exits[number - 1].modules() if isinstance(module, nn.Conv2d)]


def test_stages_are_what_each_exit_needs_in_addition() -> None:
    network = built(MSDNetSpec(**SMALL)).eval()
    plan = plan_of(network, SHAPE)
    stages = plan.stages()
    assert [len(stage) > 0 for stage in stages] == [True] * 3
    assert sorted(map(id, (one for stage in stages for one in stage))) == sorted(map(id, plan.operations))
    for number, stage in enumerate(stages, 1):
        convolutions = {unit.convolution for one in stage for unit in (part.unit for part in one.parts)}
        assert set(_head(network, number)) <= convolutions
