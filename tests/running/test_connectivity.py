"""The straight line between two networks: its ends are they, and in between the loss is what their mixture gives."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from overthink.data.batches import Samples
from overthink.networks.msdnet_spec import MSDNetSpec
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.running.connectivity import Line, line_between, set_statistics
from overthink.training.evaluate import evaluate

TINY = MSDNetSpec(kind="msdnet", blocks=2, channels=4, growth=2, head_channels=6)


def network(seed: int, spec: MSDNetSpec = TINY) -> MultiExitNetwork:
    return spec.build((1, 16, 16), 3, torch.Generator().manual_seed(seed))


def samples(count: int, seed: int) -> Samples:
    chance = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 1, 16, 16), generator=chance, dtype=torch.uint8)
    return Samples(images, torch.randint(0, 3, (count,), generator=chance), torch.tensor([0.5]), torch.tensor([0.3]))


def test_ends_are_the_networks_with_statistics_of_training_images() -> None:
    first, second, train, test = network(0), network(1), samples(40, 2), samples(30, 3)
    before = [copy.deepcopy(one.state_dict()) for one in (first, second)]
    line = line_between(first, second, train, test, points=3)
    assert line.at_P == (0.0, 0.5, 1.0)
    assert line.loss_PE.shape == line.accuracy_PE.shape == (3, 2)
    for one, was in zip((first, second), before, strict=True):
        assert all(tensor.equal(was[name]) for name, tensor in one.state_dict().items())
    for place, one in ((0, first), (2, second)):
        alone = copy.deepcopy(one)
        set_statistics(alone, train)
        assert line.loss_PE[place] == pytest.approx(evaluate(alone, test).loss_E.double().numpy(), rel=1e-5)
    half = copy.deepcopy(first)
    with torch.no_grad():
        for mine, other in zip(half.parameters(), second.parameters(), strict=True):
            mine.copy_((mine + other) / 2)
    set_statistics(half, train)
    assert line.loss_PE[1] == pytest.approx(evaluate(half, test).loss_E.double().numpy(), rel=1e-4)


def test_statistics_are_those_of_the_images() -> None:
    """Of the first layer, by hand, from batches of equal size; parameters and momentum stay."""
    one, train = network(0), samples(500, 2)
    convolution, norm = next(
        (before, after)
        for module in one.modules()
        if isinstance(module, nn.Sequential)
        for before, after in zip(module, list(module)[1:], strict=False)
        if isinstance(before, nn.Conv2d) and isinstance(after, nn.BatchNorm2d)
    )
    momentum = norm.momentum
    set_statistics(one, train)
    with torch.no_grad():
        maps = convolution(train.normalise(train.images_NKHW))
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert torch.allclose(norm.running_mean, maps.mean(dim=(0, 2, 3)), atol=1e-5)
    assert torch.allclose(norm.running_var, maps.var(dim=(0, 2, 3)), rtol=1e-2)
    assert norm.momentum == momentum
    assert not norm.training


def test_a_network_and_itself_have_no_barrier() -> None:
    line = line_between(network(0), network(0), samples(40, 2), samples(30, 3))
    assert line.loss_barriers == pytest.approx(0, abs=1e-6)
    assert line.error_barriers == pytest.approx(0, abs=1e-9)


def test_a_barrier_is_the_highest_rise_above_the_line_between_the_ends() -> None:
    loss_PE = np.array([[1.0, 1.0], [3.0, 1.5], [2.0, 2.0]])
    line = Line((0.0, 0.5, 1.0), loss_PE, 1 - loss_PE / 10)
    assert line.loss_barriers == pytest.approx([1.5, 0.0])
    assert line.error_barriers == pytest.approx([0.15, 0.0])


def test_what_has_no_line_is_refused() -> None:
    wider = MSDNetSpec(kind="msdnet", blocks=2, channels=6, growth=2, head_channels=6)
    with pytest.raises(ValueError, match="no straight line between them"):
        line_between(network(0), network(0, wider), samples(40, 2), samples(30, 3))
    with pytest.raises(ValueError, match="at least two points, its ends, got 1"):
        line_between(network(0), network(1), samples(40, 2), samples(30, 3), points=1)
