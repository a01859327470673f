from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from overthink.definition.errors import DefinitionError
from overthink.definition.run_definition import parse_run
from overthink.inference.exiting import EarlyExit
from overthink.networks.availability import native_obstacle
from overthink.networks.cost import mul_adds, parameter_counts
from overthink.networks.folding import folded
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.networks.torch_network import MOST_MUL_ADDS
from overthink.networks.torch_spec import TorchSpec
from overthink.plugins import modules
from overthink.plugins.modules import PluginError, own_definition
from overthink.predictions.arrays import MOST_COST
from overthink.training.phases import make_ready
from overthink.training.regime import Phase
from support.plugins import folder_of_networks
from support.small import small

SHAPE = (4, 6, 5)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from folder_of_networks(tmp_path, monkeypatch)


def spec_of(name: str, **arguments: Any) -> TorchSpec:
    place = name if ":" in name else f"nets:{name}"
    with own_definition():
        return TorchSpec.model_validate({"kind": "torch", "class": place, "arguments": arguments}).resolved(SHAPE, 10)


def built(name: str, seed: int = 0, **arguments: Any) -> MultiExitNetwork:
    return spec_of(name, **arguments).build(SHAPE, 10, torch.Generator().manual_seed(seed)).eval()


def test_exits_and_costs_are_found() -> None:
    """By hand: exit 1 has a convolution with bias, ReLU and a linear layer; the sum and the means are not counted."""
    network = built("Two", width=3)
    pixels = 6 * 5
    first = pixels * (3 * 4 * 9 + 3) + pixels * 3 + 3 * 10 + 10
    second = pixels * (3 * 3 * 9 + 3) + 3 * 10 + 10
    assert (network.n_exits, network.n_classes) == (2, 10)
    assert mul_adds(network, SHAPE) == (first, first + second)
    exit_1 = 3 * 4 * 9 + 3 + 6 + 40
    assert parameter_counts(network) == (exit_1, exit_1 + 3 * 3 * 9 + 3 + 40)
    (note,) = network.notes
    assert "nets:Two" in note
    assert "not counted" in note
    assert [one.requires_grad for one in network.parameters()] == [True] * len(list(network.parameters()))


def test_weights_follow_from_the_generator() -> None:
    before = torch.random.get_rng_state()
    one, two, other = (built("Two", seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["module.second.weight"], other["module.second.weight"])


@pytest.mark.parametrize(
    "name, said",
    [
        ("One", "nets:One returns one tensor; its forward must return a list or tuple of logits"),
        ("Narrow", r"exit 1 of nets:Narrow returns float32 of shape \(2, 9\) for 2 images, .* \(2, 10\)"),
        ("Shared", "heads.0.weight and heads.1.weight share their memory"),
        ("Raises", "nets:Raises raised KeyError: 'no such map'"),
        ("nn", "network.class: nets:nn is no class of torch.nn.Module"),
        ("Nothing", "module nets has no Nothing"),
        ("nowhere:Two", "plug-in nowhere: no such module"),
    ],
)
def test_a_class_that_does_not_fit(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        spec_of(name)


def test_arguments_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"network.arguments: nets:Two raised TypeError: .*'wdith'"):
        spec_of("Two", wdith=3)
    with pytest.raises(ValueError, match=r"more than 100,000,000 parameters"):
        spec_of("Two", width=1_000_000)


def test_costs_that_cannot_be_counted() -> None:
    for name, said in {"Normed": "no rule to count the MUL-ADDs of GroupNorm", "Same": "must grow"}.items():
        with pytest.raises(ValueError, match=f"nets:{name}.*{said}.*mul_adds"):
            mul_adds(built(name), SHAPE)
    assert mul_adds(built("Costed"), SHAPE) == (40, 50)
    assert "own method" in built("Costed").notes[0]


@pytest.mark.parametrize(
    "costs, said",
    [
        (None, r"nets:Costed.mul_adds raised TypeError: .*; it must return the cumulative cost of each exit"),
        (["a", "b"], "nets:Costed.mul_adds raised ValueError"),
        ([1, float("inf")], "nets:Costed.mul_adds raised OverflowError"),
        ([1, 10**30], r"nets:Costed.mul_adds returns 10+, more than 1e\+15 MUL-ADDs an image"),
    ],
)
def test_own_costs_that_are_none(monkeypatch: pytest.MonkeyPatch, costs: Any, said: str) -> None:
    """The largest failed after the training, when predictions were stored."""
    network = built("Costed")
    monkeypatch.setattr(network.module, "costs", costs)
    with pytest.raises(ValueError, match=said):
        mul_adds(network, SHAPE)


def test_a_network_costs_no_more_than_predictions_can_hold() -> None:
    """Neither package may import the other."""
    assert MOST_MUL_ADDS == MOST_COST


def test_an_exit_without_a_gradient_costs_what_the_next_does_not() -> None:
    network = built("Frozen")
    assert parameter_counts(network)[-1] == sum(weight.numel() for weight in network.parameters())
    with pytest.raises(ValueError, match="MUL-ADDs must grow"):
        mul_adds(network, SHAPE)


@pytest.mark.parametrize(
    "fault, said",
    [
        ("raises", r"nets:Stepping.step\(1, state\) raised KeyError: 'no such map'"),
        ("logits alone", r"nets:Stepping.step\(1, state\) must return logits and the state"),
        ("a list as state", r"step\(1, state\) returns a state that is no tensor with a row per image"),
        ("narrow", r"step\(1, state\) returns logits of shape \(2, 9\) for 2 images, expected \(2, 10\)"),
        ("the first layer", r"step\(2, state\) returns other logits than exit 2 of its forward"),
    ],
)
def test_a_step_that_is_not_the_forward_pass(fault: str, said: str) -> None:
    """`predict` and `bench` answered by it, and a run's stored predictions by `forward`."""
    assert built("Stepping").n_exits == 2
    with pytest.raises(ValueError, match=said):
        built("Stepping", fault=fault)


def test_early_exits_need_a_step() -> None:
    images_BKHW = torch.randn(3, *SHAPE)
    with pytest.raises(ValueError, match=r"nets:Two has no method step\(exit, state\)"):
        EarlyExit(built("Two"), [0.5, 0])(images_BKHW)
    network = built("own_network.layers:TwoExits", channels=4, classes=10)
    early = EarlyExit(network, [0.0, 0])(images_BKHW)
    assert early.exit_B.tolist() == [0, 0, 0]
    assert torch.allclose(early.logits_BC, network(images_BKHW)[0])
    late = EarlyExit(folded(network), [2.0, 0])(images_BKHW)
    assert torch.allclose(late.logits_BC, network(images_BKHW)[1], atol=1e-5)


def test_only_torch_computes_it() -> None:
    assert native_obstacle(spec_of("Two"), SHAPE, 10, 64) == "they cannot compute nets:Two, a torch module of one's own"


@pytest.mark.parametrize(
    "phase",
    [{"attach": {"kind": "isc"}}, {"gradient_equilibrium": True}, {"exits": "last"}],
    ids=["attach", "equilibrium", "exits"],
)
def test_what_needs_blocks(folder: Path, phase: dict[str, Any]) -> None:
    network = {"kind": "torch", "class": "nets:Two"}
    with pytest.raises(DefinitionError, match=r"regime\.0\.\w+: network Two is one module, whose blocks and exits"):
        small(folder, network=network, regime=[{"epochs": 1, **phase}])
    with pytest.raises(ValueError, match=r"blocks are not known"):
        _ = built("Two").blocks


def test_it_is_trained_as_a_whole() -> None:
    network = built("Two").eval()
    make_ready(network, Phase(epochs=1))
    assert all(module.training for module in network.modules())


def test_a_stored_definition_is_read_without_its_class(folder: Path) -> None:
    """Its key, which the source is part of, needs no import; building the network does, and the person's word."""
    (group,) = small(folder, network={"kind": "torch", "class": "nets:Two", "arguments": {"width": 2}}).groups
    run = group.runs[0]
    assert group.definition.network.blocks == 2
    modules.forget()
    stored = parse_run(run.model_dump_json(), "stored")
    assert stored.key == run.key
    assert stored.network.label == "Two"
    with pytest.raises(PluginError, match=r"nets:Two is not imported, .* add --plugin nets"):
        stored.network.build(SHAPE, 10, torch.Generator())
    modules.name_modules(["nets"])
    assert stored.network.build(SHAPE, 10, torch.Generator()).n_exits == 2
    other = stored.network.model_copy(update={"source": "sha256:1"})
    with pytest.raises(ValueError, match=r"nets:Two was sha256:1, and here it is sha256:"):
        other.build(SHAPE, 10, torch.Generator())
    with pytest.raises(DefinitionError, match=r"network.exits: 3, but nets:Two has 2 here"):
        small(folder, network={"kind": "torch", "class": "nets:Two", "exits": 3})
