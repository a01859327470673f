"""Small plans on the kernels, compared with torch in float64.

Gradients are compared with those that float64 has with the kernels' own signs of ReLU: a sign of millions that rounding
turns changes a gradient more than all rounding does.
"""

import torch
from torch import Tensor

from overthink.networks.fast.library import Library
from support.small_plans import OnKernels, SmallPlan, error, in_torch, random_weights

LARGEST_ERROR = 1e-5
"""Of gradients; torch's own in float32 are within 1.1e-5."""
LARGEST_ERROR_OF_MAPS = 3e-6


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def gradients_of(plan: SmallPlan, count: int) -> list[Tensor]:
    shapes = [(channels, *plan.buffers[buffer][:2]) for buffer, _, channels in plan.exports]
    return [drawn(10 + number, count, *shape) for number, shape in enumerate(shapes)]


def check_step(library: Library, plan: SmallPlan, count: int, threads: int = 2) -> None:
    """Compare maps, gradients and statistics of a training step, and maps of an evaluation after it."""
    weights = random_weights(plan, torch.Generator().manual_seed(0))
    batch, gradients = drawn(1, count, plan.channels, plan.height, plan.width), gradients_of(plan, count)
    ours = OnKernels(library, plan, weights, threads)
    found = ours.both(batch, gradients)
    expected = in_torch(plan, weights, batch, gradients, found.written)
    for one, other in zip([*found.maps, *found.written], [*expected.maps, *expected.written], strict=True):
        assert error(one, other) < LARGEST_ERROR_OF_MAPS
    for of_unit, others in zip(found.statistics, expected.statistics, strict=True):
        for one, other in zip(of_unit, others, strict=True):
            assert error(one, other) < LARGEST_ERROR_OF_MAPS
    assert len(found.gradients) == len(expected.gradients) > 0
    for of_unit, others in zip(found.gradients, expected.gradients, strict=True):
        for one, other in zip(of_unit, others, strict=True):
            assert error(one, other) < LARGEST_ERROR
    evaluated = ours.forward(batch, training=False)
    truth = in_torch(plan, ours.weights, batch, training=False)
    for one, other in zip(evaluated.maps, truth.maps, strict=True):
        assert error(one, other) < LARGEST_ERROR_OF_MAPS
