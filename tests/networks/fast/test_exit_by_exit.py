"""Real early exits by the native kernels: the maps of an evaluation, bit for bit, whoever else is left."""

from typing import Any

import pytest
import torch
from torch import Tensor

from overthink.inference.exiting import EarlyExit
from overthink.networks.collaboration_spec import CollaborationSpec
from overthink.networks.fast.native import NativeKernels
from overthink.networks.kernels import TORCH
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import MultiExitNetwork
from support.built_kernels import KernelsForTests

SHAPE = (3, 20, 16)
CONNECTIONS = [None, "linear", "identity", "convolution"]


def built(connection: Any = None, **how: Any) -> MultiExitNetwork:
    values = {"channels": 4, "growth": 3, "head_channels": 8, "blocks": 4, **how}
    network: MultiExitNetwork = MSDNetSpec(kind="msdnet", **values).build(SHAPE, 10, torch.Generator().manual_seed(0))
    if connection:
        attach = CollaborationSpec(kind="isc", connection=connection, width=6)
        network = attach.build(network, torch.Generator().manual_seed(2))
    network.train()
    for seed in range(3):  # statistics of its own
        network(images(40, seed))
    return network.eval()


def images(count: int, seed: int = 9) -> Tensor:
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(seed))


def leave_at_random(kernels: NativeKernels, network: MultiExitNetwork, count: int, share: float) -> None:
    """Compare the logits of those that are left with those of an evaluation."""
    generator = torch.Generator().manual_seed(count)
    with torch.no_grad():
        logits_EBC = kernels.evaluation(network)(images(count))
    begin = kernels.exit_by_exit(network)
    for _ in range(2):  # the engine again
        passage, rows_M = begin(images(count)), torch.arange(count)
        for logits_BC in logits_EBC:
            # The last layer is torch's, which adds in an order that depends on the number of rows
            torch.testing.assert_close(passage.next_logits(), logits_BC[rows_M], rtol=1e-5, atol=1e-5)
            stay_M = (torch.rand(len(rows_M), generator=generator) < share).nonzero()[:, 0]
            if not len(stay_M):
                break
            passage.keep(stay_M)
            rows_M = rows_M[stay_M]


@pytest.mark.parametrize("connection", CONNECTIONS)
@pytest.mark.parametrize("count, share", [(1, 1.0), (16, 0.5), (33, 0.7), (70, 0.4), (70, 0.9), (130, 0.6)])
def test_who_is_left_has_the_logits_of_an_evaluation(
    kernels: KernelsForTests, connection: str | None, count: int, share: float
) -> None:
    leave_at_random(NativeKernels(kernels.library(16), threads=2), built(connection), count, share)


@pytest.mark.parametrize("how", [{"bottleneck": False}, {"reduction": 0}, {"stem": "imagenet", "scales": 2}])
def test_other_networks(kernels: KernelsForTests, how: dict[str, Any]) -> None:
    leave_at_random(NativeKernels(kernels.library(16), threads=1), built(**how), 70, 0.5)


def test_maps_are_the_bits_of_an_evaluation(kernels: KernelsForTests, monkeypatch: pytest.MonkeyPatch) -> None:
    network = built()
    seen: list[Tensor] = []
    logits_of_map = network.logits_of_map

    def noting(number: int, maps_BFHW: Tensor, earlier: Tensor | None) -> tuple[Tensor, Tensor | None]:
        seen.append(maps_BFHW.clone())
        return logits_of_map(number, maps_BFHW, earlier)

    monkeypatch.setattr(network, "logits_of_map", noting)
    for threads in (1, 3):
        native = NativeKernels(kernels.library(16), threads)
        seen.clear()
        native.evaluation(network)(images(100))
        whole, seen[:] = list(seen), []
        passage, rows_M = native.exit_by_exit(network)(images(100)), torch.arange(100)
        for maps_BFHW in whole:
            passage.next_logits()
            assert torch.equal(seen[-1], maps_BFHW[rows_M])
            stay_M = torch.arange(len(rows_M) % 3, len(rows_M), 2)
            passage.keep(stay_M)
            rows_M = rows_M[stay_M]


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_exits_are_those_of_torch(kernels: KernelsForTests, connection: str | None) -> None:
    network, native = built(connection), NativeKernels(kernels.library(16), threads=1)
    sure_EB = torch.stack(TORCH.evaluation(network)(images(60))).softmax(dim=2).amax(dim=2).sort(dim=1).values
    limits = sure_EB[:, 39:41].mean(dim=1).tolist()  # between two, so that rounding decides nothing
    found, expected = EarlyExit(network, limits, kernels=native)(images(60)), EarlyExit(network, limits)(images(60))
    assert len(set(expected.exit_B.tolist())) > 2
    assert torch.equal(found.exit_B, expected.exit_B)
    torch.testing.assert_close(found.logits_BC, expected.logits_BC, rtol=1e-4, atol=1e-4)


def test_a_passage_ends_where_the_next_one_begins(kernels: KernelsForTests) -> None:
    begin = NativeKernels(kernels.library(16), threads=1).exit_by_exit(built())
    first = begin(images(3))
    first.next_logits()
    begin(images(3))
    with pytest.raises(AssertionError, match="another one ended"):
        first.next_logits()


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_the_last_exit_alone(kernels: KernelsForTests, connection: str | None) -> None:
    network, native = built(connection), NativeKernels(kernels.library(16), threads=1)
    found = native.last_exit(network)(images(20))
    assert torch.equal(found, native.evaluation(network)(images(20))[-1])
    torch.testing.assert_close(found, TORCH.last_exit(network)(images(20)), rtol=1e-4, atol=1e-4)
    (last,) = native._backbones[network]["last exit"].plan.exports[-1:]
    (whole,) = native._backbones[network]["evaluation"].plan.exports[-1:]
    assert last == whole
    counts = [len(native._backbones[network][use].plan.units) for use in ("last exit", "evaluation")]
    assert (counts[0] < counts[1]) == (connection is None)
