from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from overthink.inference.exiting import SURENESS, EarlyExit
from overthink.networks.folding import folded
from overthink.networks.multi_exit import Carry, ExitHead, MultiExitNetwork, PlainNetwork, State
from overthink.predictions.arrays import FloatArray
from support.trained_networks import images, settled

N = 60
CONNECTIONS = [None, "linear", "identity", "convolution"]


class Same(nn.Module):
    """A block that remembers how many samples went through it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, state: State) -> State:
        self.seen.append(len(state[0]))
        return state


class FirstPixel(nn.Module):
    def forward(self, state: State) -> Tensor:
        return state[0][:, :, 0, 0]


def hand_made() -> PlainNetwork:
    """Two classes, logits (x, 0) at exit 1, (2x, 0) at exit 2, (-x, 0) at exit 3."""
    heads = [ExitHead(FirstPixel(), 1, 2) for _ in range(3)]
    for head, factor in zip(heads, (1.0, 2.0, -1.0), strict=True):
        head.classify.weight.data = torch.tensor([[factor], [0.0]])
        head.classify.bias.data.zero_()
    return PlainNetwork([Same(), Same(), Same()], heads)


def seen(network: MultiExitNetwork) -> list[list[int]]:
    return [block.seen for block in network.blocks]  # type: ignore[misc]


def test_by_hand() -> None:
    """At exit 1 the sure one (x = 3: 0.953) leaves, at exit 2 x = 1 (0.881), and x = 0.1 is left for the last."""
    network = hand_made()
    found = EarlyExit(network, [0.9, 0.8, 2.0])(torch.tensor([0.1, 3.0, 1.0]).view(3, 1, 1, 1))
    assert found.exit_B.tolist() == [2, 0, 1]
    assert found.predicted_B.tolist() == [1, 0, 0]
    torch.testing.assert_close(found.logits_BC, torch.tensor([[-0.1, 0.0], [3.0, 0.0], [2.0, 0.0]]))
    expected = [1 / (1 + np.exp(-x)) for x in (0.1, 3.0, 2.0)]
    assert found.confidence_B.tolist() == pytest.approx(expected)
    assert seen(network) == [[3], [2], [1]]


def clear_thresholds(confidence_EN: FloatArray) -> list[float]:
    """Return thresholds by which about half leave at each exit, none near a confidence: rounding decides nothing."""
    limits, left_EM = [], confidence_EN
    for row in range(len(confidence_EN)):
        here_M = np.sort(left_EM[row])
        middle = here_M[len(here_M) // 3 : len(here_M) // 3 * 2 + 2]
        widest = int(np.diff(middle).argmax())
        limits.append(float(middle[widest : widest + 2].mean()))
        left_EM = left_EM[:, left_EM[row] < limits[-1]]
    return limits


def one_by_one(confidence_EN: FloatArray, limits: list[float]) -> list[int]:
    """Return for each sample the first exit that is sure enough, else the last."""
    taken = []
    for confidence_E in confidence_EN.T:
        sure = [row for row, (value, limit) in enumerate(zip(confidence_E, limits, strict=True)) if value >= limit]
        taken.append(min([*sure, len(limits) - 1]))
    return taken


@pytest.mark.parametrize("connection", CONNECTIONS)
@pytest.mark.parametrize("criterion", SURENESS)
@pytest.mark.parametrize("form", ["as trained", "folded", "channels last"])
def test_exits_are_the_simulated_ones(connection: str | None, criterion: str, form: str) -> None:
    network = settled(connection)
    with torch.no_grad():
        logits_ENC = torch.stack(network(images(N)))
    confidence_EN = np.stack([SURENESS[criterion](logits_NC.numpy()) for logits_NC in logits_ENC])
    limits = clear_thresholds(confidence_EN)
    taken = one_by_one(confidence_EN, limits)
    assert len(set(taken)) == 3  # else this tests little
    if form != "as trained":
        network = folded(network, torch.channels_last if form == "channels last" else torch.contiguous_format)
    found = EarlyExit(network, limits, criterion)(images(N))
    assert found.exit_B.tolist() == taken
    rows_N = torch.arange(N)
    expected_NC = logits_ENC[torch.tensor(taken), rows_N]
    torch.testing.assert_close(found.logits_BC, expected_NC, rtol=1e-4, atol=1e-4)
    assert torch.equal(found.predicted_B, expected_NC.argmax(1))
    expected_N = confidence_EN[taken, rows_N]
    torch.testing.assert_close(found.confidence_B, torch.from_numpy(expected_N), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_patience_leaves_where_k_exits_in_a_row_agree(k: int) -> None:
    torch.manual_seed(0)
    pixels_BKHW = torch.randn(N, 3, 1, 1)
    network = PlainNetwork([Same(), Same(), Same()], [ExitHead(FirstPixel(), 3, 3) for _ in range(3)])
    with torch.no_grad():
        predicted_EN = torch.stack(network(pixels_BKHW)).argmax(dim=2)
    found = EarlyExit(network, [k] * 3, "patience")(pixels_BKHW)
    for sample, taken in enumerate(found.exit_B.tolist()):
        said = predicted_EN[:, sample].tolist()
        first = next((i for i in range(3) if i + 1 >= k and len(set(said[i + 1 - k : i + 1])) == 1), 2)
        assert (taken, found.predicted_B[sample]) == (first, said[first])
    assert len(set(found.exit_B.tolist())) == (2 if k == 2 else 1)


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_a_sample_alone_goes_as_in_company(connection: str | None) -> None:
    network = settled(connection)
    with torch.no_grad():
        logits_ENC = torch.stack(network(images(N)))
    limits = clear_thresholds(np.stack([SURENESS["max-softmax"](logits.numpy()) for logits in logits_ENC]))
    early = EarlyExit(network, limits)
    together = early(images(N))
    alone = [early(image_BKHW) for image_BKHW in images(N).split(1)]
    assert torch.equal(torch.cat([found.exit_B for found in alone]), together.exit_B)
    assert torch.equal(torch.cat([found.predicted_B for found in alone]), together.predicted_B)


@pytest.mark.parametrize("limit, row, went", [(0.0, 0, [[4], [], []]), (np.inf, 2, [[4], [4], [4]])])
def test_all_leave_at_once_or_nobody_early(limit: float, row: int, went: list[list[int]]) -> None:
    network = hand_made()
    found = EarlyExit(network, [limit] * 3)(torch.randn(4, 1, 1, 1))
    assert found.exit_B.tolist() == [row] * 4
    assert seen(network) == went


def test_one_exit_takes_everything() -> None:
    network = settled(blocks=1)
    found = EarlyExit(network, [np.inf])(images(3))
    with torch.no_grad():
        assert torch.equal(found.logits_BC, network(images(3))[0])


def test_rows_of_a_passage_keep_what_belongs_together() -> None:
    carry = Carry((torch.arange(6.0).view(3, 2), torch.arange(3.0)), torch.arange(3.0) + 10)
    some = carry.rows(torch.tensor([0, 2]))
    assert [part.tolist() for part in some.state] == [[[0.0, 1.0], [4.0, 5.0]], [0.0, 2.0]]
    assert some.exit_output is not None
    assert some.exit_output.tolist() == [10.0, 12.0]


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"criterion": "margin"}, "must be one of max-softmax, entropy, top2-ratio, patience, got 'margin'"),
        ({"threshold_E": [0.5, 0.5]}, "expected 3 thresholds"),
        ({"threshold_E": [0.5, np.nan, 0.5]}, "nan"),
    ],
)
def test_mistakes_are_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EarlyExit(**{"network": hand_made(), "threshold_E": [0.5] * 3, **changes})


def test_no_images() -> None:
    with pytest.raises(ValueError, match="no images"):
        EarlyExit(hand_made(), [0.5] * 3)(torch.empty(0, 1, 1, 1))


def test_answers_that_are_no_numbers_are_one_sentence() -> None:
    """No threshold is reached by them, so that nobody left at the last exit either."""
    network = hand_made()
    network.exits[1].classify.weight.data.fill_(float("nan"))  # type: ignore[union-attr,operator]
    with pytest.raises(ValueError, match="the network's answers are no numbers at exit 2"):
        EarlyExit(network, [2.0, 2.0, 0])(torch.ones(2, 1, 1, 1))
