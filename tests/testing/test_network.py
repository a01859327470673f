from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import ExitHead, MultiExitNetwork
from overthink.networks.resnet_spec import ResNetSpec
from overthink.networks.torch_spec import TorchSpec
from overthink.plugins.modules import name_modules
from overthink.testing import check_network
from support.plugins import folder_of_networks


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from folder_of_networks(tmp_path, monkeypatch)


def test_networks_that_pass() -> None:
    check_network(MSDNetSpec(kind="msdnet", blocks=3, channels=4, growth=2, head_channels=8))
    check_network(ResNetSpec(kind="resnet", layers=(1, 1), width=4), (1, 16, 16), 2)
    check_network(TorchSpec.model_validate({"kind": "torch", "class": "nets:Two"}), (4, 6, 6))
    name_modules(["own_network"])
    from own_network import PlainCnnSpec  # type: ignore[import-not-found]

    check_network(PlainCnnSpec(kind="plain-cnn"), (1, 16, 16), 2)


class _Wrong(MSDNetSpec):
    """A network of two small blocks with one thing wrong."""

    def build(self, input_shape: tuple[int, int, int], n_classes: int, generator: torch.Generator) -> MultiExitNetwork:
        """Return the network, changed."""
        network = super().build(input_shape, n_classes, generator)
        self.spoil(network)
        return network

    def spoil(self, network: MultiExitNetwork) -> None:
        """Change the network."""


class _Unused(_Wrong):
    def spoil(self, network: MultiExitNetwork) -> None:
        with torch.random.fork_rng(devices=[]):
            network.exits[0].more = nn.Linear(2, 2)


class _Random(_Wrong):
    def spoil(self, network: MultiExitNetwork) -> None:
        nn.init.normal_(cast(ExitHead, network.exits[0]).classify.weight)


class _Centred(nn.Module):
    def forward(self, logits_BC: Tensor) -> Tensor:
        return logits_BC - logits_BC.mean(dim=0)


class _Batch(_Wrong):
    def spoil(self, network: MultiExitNetwork) -> None:
        head = cast(ExitHead, network.exits[0])
        head.classify = nn.Sequential(head.classify, _Centred())  # type: ignore[assignment]


@pytest.mark.parametrize(
    "wrong, said",
    [
        (_Unused, r"no gradient reaches exits\.0\.more"),
        (_Random, "building it changes torch's global generator"),
        (_Batch, "exit 1: logits depend on other images of the batch"),
    ],
)
def test_networks_that_do_not(wrong: type[_Wrong], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_network(wrong(kind="msdnet", blocks=2, channels=4, growth=2, head_channels=8))


def test_a_layer_without_a_rule() -> None:
    with pytest.raises(AssertionError, match=r"no rule to count the MUL-ADDs of GroupNorm"):
        check_network(TorchSpec.model_validate({"kind": "torch", "class": "nets:Normed"}), (4, 6, 6))
