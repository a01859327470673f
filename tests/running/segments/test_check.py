"""What counts as a mismatch between files and the package, and what is left to rounding."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from overthink.networks.multi_exit import Carry, MultiExitNetwork
from overthink.running.segments.check import ImagesForCheck, MismatchError, check_segments
from overthink.running.segments.files import Step
from overthink.running.trained_network import TrainedNetwork
from support.trained_networks import images, settled

Change = Callable[[Tensor], Tensor]


def trained(network: MultiExitNetwork) -> TrainedNetwork:
    """Return a network whose images need no normalisation."""
    return cast(TrainedNetwork, SimpleNamespace(network=network, normalise=lambda images_BKHW: images_BKHW))


def steps(network: MultiExitNetwork, change: Change = lambda logits_BC: logits_BC) -> list[Step]:
    """Return the network's own steps, the logits of exit 1 changed."""

    def step(number: int) -> Step:
        def run(state: Sequence[Tensor]) -> Sequence[Tensor]:
            with torch.no_grad():
                logits_BC, after = network.step(number, Carry(tuple(state)))
            return (change(logits_BC) if number == 1 else logits_BC, *after.state)

        return run

    return [step(number) for number in range(1, network.n_exits + 1)]


def checked(change: Change, limit: float, criterion: str = "max-softmax") -> Any:
    network = settled(blocks=2)
    given = ImagesForCheck(images(30), "noise")
    return check_segments(steps(network, change), trained(network), [limit, -torch.inf], criterion, given)


def test_the_network_itself_passes() -> None:
    found = checked(lambda logits_BC: logits_BC, 0.9)
    assert (found.images, found.of, found.by_rounding) == (30, "noise", 0)
    assert found.largest_difference < 1e-4


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda logits_BC: logits_BC * 1.001, "a logit of exit 1 differs by"),
        (lambda logits_BC: logits_BC * torch.nan, "a logit of exit 1 differs by nan"),
        (lambda logits_BC: logits_BC[:, :3], "logits have shape|stack expects"),
    ],
)
def test_other_logits_are_a_mismatch(change: Change, said: str) -> None:
    with pytest.raises((MismatchError, RuntimeError), match=said):
        checked(change, 0.9)


def test_an_image_at_its_threshold_is_left_to_rounding() -> None:
    with torch.no_grad():
        sure_B = settled(blocks=2)(images(30))[0].double().softmax(dim=1).amax(dim=1)
    found = checked(lambda logits_BC: logits_BC * (1 + 1e-6), float(sure_B[4]))
    assert found.by_rounding == 1


def test_a_decision_that_is_no_rounding_is_a_mismatch() -> None:
    """Equal logits where all exits are computed, and others where images leave: of a state that lost its order."""
    network, given = settled(blocks=2), ImagesForCheck(images(30), "noise")
    own = steps(network)

    def second(state: Sequence[Tensor]) -> Sequence[Tensor]:
        whole = len(state[0]) == 30
        return own[1](state if whole else [tensor.flip(0) for tensor in state])

    with torch.no_grad():
        sure_B = network(given.images_BKHW)[0].softmax(dim=1).amax(dim=1).sort().values
    limit = float(sure_B[14] + sure_B[15]) / 2
    with pytest.raises(MismatchError, match=r"a logit of image .*, which exits at 2, differs by"):
        check_segments([own[0], second], trained(network), [limit, -torch.inf], "max-softmax", given)
