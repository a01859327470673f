"""Boosted exits: their logits, whom they teach, their cost, and that the loss is that of the paper."""

import pytest
import torch
from torch.nn import functional

from overthink.networks.boosting_spec import BoostingSpec
from overthink.networks.collaboration_spec import CollaborationSpec
from overthink.networks.cost import mul_adds, parameter_counts
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.training.losses import JointLossSpec

SHAPE = (3, 16, 16)
TINY = MSDNetSpec(kind="msdnet", blocks=3, channels=4, growth=2, head_channels=6)


def tiny() -> MultiExitNetwork:
    return TINY.build(SHAPE, 4, torch.Generator().manual_seed(0)).eval()


def boosted(network: MultiExitNetwork, share: float = 0.5) -> MultiExitNetwork:
    return BoostingSpec(kind="boosted", share=share).build(network, torch.Generator())


def images() -> torch.Tensor:
    return torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(2))


def test_each_exit_adds_to_a_share_of_those_before() -> None:
    alone = tiny()(images())
    found = boosted(tiny(), 0.25)(images())
    expected = alone[0]
    assert torch.equal(found[0], expected)
    for own, logits in zip(alone[1:], found[1:], strict=True):
        expected = own + 0.25 * expected
        torch.testing.assert_close(logits, expected)


def test_the_loss_is_that_of_the_paper() -> None:
    """sum_i CE(f_i + stop(r E_{i-1})): the same gradients, written out on a network without connections."""
    labels = torch.tensor([0, 1, 2, 3, 0])
    network, plain = boosted(tiny()), tiny()
    loss = JointLossSpec(kind="joint").build(3, torch.device("cpu"))
    loss(network(images()), labels).sum().backward()
    before, total = torch.zeros(5, 4), torch.zeros(())
    for own in plain(images()):
        total = total + functional.cross_entropy(own + before, labels)
        before = 0.5 * (own + before).detach()
    total.backward()
    for (name, one), (_, other) in zip(network.named_parameters(), plain.named_parameters(), strict=True):
        assert one.grad is not None, name
        assert other.grad is not None, name
        torch.testing.assert_close(one.grad, other.grad)


def test_one_multiply_add_a_class_and_no_weights() -> None:
    network, plain = boosted(tiny()), tiny()
    extra = [one - other for one, other in zip(mul_adds(network, SHAPE), mul_adds(plain, SHAPE), strict=True)]
    assert extra == [0, 4, 8]
    assert parameter_counts(network) == parameter_counts(plain)


def test_exits_are_connected_once() -> None:
    for again in (BoostingSpec(kind="boosted"), CollaborationSpec(kind="isc")):
        with pytest.raises(ValueError, match="connections between its exits already"):
            again.build(boosted(tiny()), torch.Generator())
