"""Segments compute what the network does, one after the other, and hold their own weights alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from overthink.networks.multi_exit import MultiExitNetwork
from overthink.networks.resnet_spec import ResNetSpec
from overthink.networks.torch_spec import TorchSpec
from overthink.plugins.modules import own_definition
from overthink.running.segments.trace import TracedSegment, traced_segments
from support.plugins import folder_of_networks
from support.trained_networks import SHAPE, images, settled

STEPPED = """

class Stepped(Two):
    def step(self, exit, state):
        if exit == 1:
            maps = self.first(state)
            return self.heads[0](maps.mean((2, 3))), (state, maps)
        pixels, maps = state
        maps = self.second(maps) + maps + 0 * pixels.mean()
        return self.heads[1](maps.mean((2, 3))), (pixels, maps)


class Deciding(Two):
    def forward(self, x):
        first, maps = self.step(1, x)
        return first, self.step(2, maps)[0]

    def step(self, exit, state):
        maps = self.first(state)
        return self.heads[0](maps.mean((2, 3)) if maps.mean() > 0 else maps.amax((2, 3))), maps
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for folder in folder_of_networks(tmp_path, monkeypatch):
        with (folder / "nets.py").open("a") as file:
            file.write(STEPPED)
        yield folder


def chained(segments: Sequence[TracedSegment], images_BKHW: Tensor) -> list[Tensor]:
    """Return logits_BC of each exit, every segment given what its inputs are called in the one before."""
    tensors, logits = {"images": images_BKHW}, []
    for segment in segments:
        outputs = segment.program.module()(*(tensors[name] for name in segment.inputs))
        tensors = dict(zip(segment.outputs, outputs, strict=True))
        logits.append(tensors.pop("logits"))
    return logits


@pytest.mark.parametrize("connection", [None, "linear", "identity", "convolution"])
@torch.no_grad()
def test_segments_one_after_the_other_are_the_network(connection: str | None) -> None:
    network = settled(connection, blocks=2)
    segments = list(traced_segments(network, SHAPE))
    assert (segments[0].inputs, segments[-1].outputs) == (("images",), ("logits",))
    for n_images in (1, 7):
        for found, expected in zip(chained(segments, images(n_images)), network(images(n_images)), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_a_segment_has_its_own_weights_alone() -> None:
    """Folded, a convolution has a weight and a bias; those of an exit's part of the network are counted there."""
    network = settled("linear", blocks=2)
    counts = [len(segment.program.state_dict) for segment in traced_segments(network, SHAPE)]
    layers = (torch.nn.Conv2d, torch.nn.Linear)
    expected = [
        2 * sum(isinstance(module, layers) for part in parts for module in part.modules()) for parts in network.parts
    ]
    assert counts == expected


def built(name: str) -> MultiExitNetwork:
    with own_definition():
        place: dict[str, Any] = {"kind": "torch", "class": f"nets:{name}"}
        spec = TorchSpec.model_validate(place).resolved((4, 6, 5), 10)
    return spec.build((4, 6, 5), 10, torch.Generator().manual_seed(0)).eval()


@pytest.mark.usefixtures("nets")
@torch.no_grad()
def test_a_module_of_ones_own_with_steps() -> None:
    network, noise = built("Stepped"), torch.rand(5, 4, 6, 5)
    for found, expected in zip(chained(list(traced_segments(network, (4, 6, 5))), noise), network(noise), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("nets")
@pytest.mark.parametrize(
    "name, said",
    [
        ("Two", r"nets:Two has no method step\(exit, state\), so its exits cannot be computed one after the other"),
        ("Deciding", "torch cannot trace exit 1 of the network: .*data-dependent"),
    ],
)
def test_what_cannot_be_cut_is_refused_in_a_sentence(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        list(traced_segments(built(name), (4, 6, 5)))


@torch.no_grad()
def test_a_network_with_one_exit_is_one_segment() -> None:
    network = ResNetSpec(kind="resnet", layers=(1, 1), width=4, stem="small").build(
        SHAPE, 4, torch.Generator().manual_seed(0)
    )
    (segment,) = traced_segments(network.eval(), SHAPE)
    assert segment.outputs == ("logits",)
    torch.testing.assert_close(chained([segment], images())[0], network(images())[0], atol=1e-5, rtol=1e-5)
