"""The kernels against torch in float64, on small plans."""

import math
from typing import Any

import pytest
import torch

from overthink.networks.fast.build import BLOCKS
from support.built_kernels import KernelsForTests
from support.kernel_checks import LARGEST_ERROR, check_step, drawn, gradients_of
from support.small_plans import (
    OnKernels,
    SmallPlan,
    Unit,
    dense,
    error,
    in_torch,
    pooled,
    random_weights,
    residual,
    separable,
    single,
)


def check(kernels: KernelsForTests, plan: SmallPlan, count: int, images: int = 64) -> None:
    check_step(kernels.library(images), plan, count)


@pytest.mark.parametrize("images", BLOCKS)
@pytest.mark.parametrize("count", [1, 3, 24, 65, 100])
def test_a_training_step_is_that_of_torch(kernels: KernelsForTests, images: int, count: int) -> None:
    check(kernels, dense(), count, images)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_every_geometry(kernels: KernelsForTests, kernel: int, stride: int) -> None:
    check(kernels, single(kernel, stride), 5)


@pytest.mark.parametrize("channels", range(1, 27))
def test_every_number_of_channels(kernels: KernelsForTests, channels: int) -> None:
    units = (
        Unit((0, 0, 3), writes=1, channels=channels, kernel=1),
        Unit((1, 0, channels), writes=2, channels=4),
        Unit((1, 0, channels), writes=3, channels=27 - channels, kernel=1),
    )
    check(kernels, SmallPlan(4, 5, 3, units, exports=((2, 0, 4), (3, 0, 27 - channels))), 6)


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_padding_is_that_of_the_convolution(kernels: KernelsForTests, padding: int) -> None:
    units = (
        Unit((0, 0, 2), writes=1, channels=5, padding=padding),
        Unit((1, 0, 5), writes=2, channels=6, padding=padding, stride=2),
    )
    check(kernels, SmallPlan(8, 9, 2, units, exports=((2, 0, 6),)), 4)


def test_wide_and_long_maps(kernels: KernelsForTests) -> None:
    """Weight gradients are summed over 16 positions at a time, and over groups of rows."""
    check(kernels, single(3, 1, height=40, width=35), 3, 16)
    check(kernels, single(1, 1, height=64, width=3), 3, 16)


@pytest.mark.parametrize("count", [5, 64, 70])
@pytest.mark.parametrize("frozen", [0, 1, 3])
def test_shortcuts_are_added_before_the_relu(kernels: KernelsForTests, count: int, frozen: int) -> None:
    check(kernels, residual(frozen=frozen), count)
    check(kernels, residual(frozen=frozen), count, 16)


@pytest.mark.parametrize("kind", ["largest", "mean"])
@pytest.mark.parametrize("kernel, stride", [(2, 2), (3, 2), (3, 1), (2, 3), (5, 4), (7, 2)])
def test_poolings(kernels: KernelsForTests, kind: Any, kernel: int, stride: int) -> None:
    check(kernels, pooled(kind, kernel=kernel, stride=stride), 20, 16)


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_depthwise_convolutions(kernels: KernelsForTests, kernel: int, stride: int) -> None:
    check(kernels, separable(kernel=kernel, stride=stride), 20, 16)


@pytest.mark.parametrize("count", [5, 64, 70])
@pytest.mark.parametrize("frozen", [0, 2, 3])
def test_poolings_and_depthwise_convolutions_in_any_batch(kernels: KernelsForTests, count: int, frozen: int) -> None:
    for plan in (pooled("largest", frozen=frozen), pooled("mean", frozen=frozen), separable(frozen=frozen)):
        check(kernels, plan, count)


def test_what_is_no_number_is_the_largest(kernels: KernelsForTests) -> None:
    plan = SmallPlan(3, 3, 1, (Unit((0, 0, 1), 1, 1, kind="largest", frozen=True),), exports=((1, 0, 1),))
    batch = torch.arange(9.0).reshape(1, 1, 3, 3)
    for row in range(3):
        batch[0, 0, row, row] = math.nan
        found = OnKernels(kernels.library(16), plan, random_weights(plan, torch.Generator())).forward(batch)
        expected = torch.nn.functional.max_pool2d(batch, 3, 1, 1)
        torch.testing.assert_close(found.maps[0], expected, rtol=0, atol=0, equal_nan=True)


def test_gradients_are_scaled_for_each_reader(kernels: KernelsForTests) -> None:
    check(kernels, dense(gains=True), 20)


@pytest.mark.parametrize("frozen", [1, 4, 5])
@pytest.mark.parametrize("count", [64, 70])
def test_frozen_units_keep_their_statistics_and_get_no_gradients(
    kernels: KernelsForTests, frozen: int, count: int
) -> None:
    plan = dense(frozen=frozen)
    check(kernels, plan, count)
    weights = random_weights(plan, torch.Generator().manual_seed(0))
    ours = OnKernels(kernels.library(), plan, weights)
    ours.both(drawn(1, count, 3, 11, 8), gradients_of(plan, count))
    for unit, before, after, gradients in zip(plan.units, weights, ours.weights, ours.gradients, strict=True):
        assert torch.equal(before.mean, after.mean) == unit.frozen
        assert torch.equal(before.variance, after.variance) == unit.frozen
        assert all(one.isnan().all() == unit.frozen for one in gradients)


def test_maps_that_nothing_reads_have_no_gradient(kernels: KernelsForTests) -> None:
    plan = dense()
    weights = random_weights(plan, torch.Generator().manual_seed(0))
    ours = OnKernels(kernels.library(), plan, weights)
    gradients = [gradients_of(plan, 8)[0], None, None, None]
    found = ours.both(drawn(1, 8, 3, 11, 8), gradients)
    expected = in_torch(plan, weights, drawn(1, 8, 3, 11, 8), gradients, found.written)
    for of_unit, others in zip(found.gradients, expected.gradients, strict=True):
        for one, other in zip(of_unit, others, strict=True):
            assert error(one, other) < LARGEST_ERROR
    assert not any(one.any() for one in found.gradients[8])  # its export had none


@pytest.mark.parametrize("beta", [10.0, 100.0, 1000.0])
def test_statistics_about_means_of_many_deviations(kernels: KernelsForTests, beta: float) -> None:
    """The mean of squares less the square of the mean has no correct digit there in float32."""
    units = (
        Unit((0, 0, 3), writes=1, channels=8),
        Unit((1, 0, 8), writes=2, channels=8, kernel=1),
        Unit((2, 0, 8), writes=3, channels=8),
    )
    plan = SmallPlan(8, 8, 3, units, exports=((3, 0, 8),))
    for count in (24, 64, 70):
        weights = random_weights(plan, torch.Generator().manual_seed(0), beta)
        batch = drawn(1, count, 3, 8, 8)
        ours = OnKernels(kernels.library(), plan, weights)
        found = ours.both(batch, gradients_of(plan, count))
        expected = in_torch(plan, weights, batch, gradients_of(plan, count), found.written)
        (mean, variance), (true_mean, true_variance) = found.statistics[1], expected.statistics[1]
        assert error(mean, true_mean) < 1e-6
        assert error(variance, true_variance) < 1e-6 * max(1.0, beta / 10)
        # Maps of beta +- 1 have float32's rounding of beta; the second BatchNorm divides by the deviation that is left
        assert error(found.written[1] - beta, expected.written[1] - beta) < 1e-6 * beta


def test_the_same_bits_at_any_number_of_threads(kernels: KernelsForTests) -> None:
    for plan in (dense(), residual(), pooled("largest"), pooled("mean", kernel=5), separable()):
        check_bits(kernels, plan)


def check_bits(kernels: KernelsForTests, plan: SmallPlan) -> None:
    weights = random_weights(plan, torch.Generator().manual_seed(0))
    batch, gradients = drawn(1, 100, plan.channels, plan.height, plan.width), gradients_of(plan, 100)
    for images in BLOCKS:
        ours = [OnKernels(kernels.library(images), plan, weights, threads) for threads in (1, 2, 3)]
        for _ in range(3):
            passed = [one.both(batch, gradients).tensors for one in ours]
            for others in passed[1:]:
                assert all(torch.equal(one, other) for one, other in zip(passed[0], others, strict=True))
            for one in ours:
                one.engine.set_threads(3)


def test_batches_of_other_sizes_before_change_nothing(kernels: KernelsForTests) -> None:
    plan = dense()
    weights = random_weights(plan, torch.Generator().manual_seed(0))
    fresh = OnKernels(kernels.library(16), plan, weights).both(drawn(1, 30, 3, 11, 8), gradients_of(plan, 30))
    used = OnKernels(kernels.library(16), plan, weights)
    for count in (7, 100, 16, 130):
        used.forward(drawn(2, count, 3, 11, 8), training=count != 100)
    for of_unit, before in zip(used.weights, weights, strict=True):
        for one, other in zip(of_unit, before, strict=True):
            one.copy_(other)
    again = used.both(drawn(1, 30, 3, 11, 8), gradients_of(plan, 30))
    assert all(torch.equal(one, other) for one, other in zip(fresh.tensors, again.tensors, strict=True))


def test_an_image_is_evaluated_alike_in_any_batch(kernels: KernelsForTests) -> None:
    plan = dense()
    ours = OnKernels(kernels.library(), plan, random_weights(plan, torch.Generator().manual_seed(0)))
    batch = drawn(1, 70, 3, 11, 8)
    together = ours.forward(batch, training=False).maps
    alone = ours.forward(batch[66:67].contiguous(), training=False).maps
    assert all(torch.equal(one[66:67], other) for one, other in zip(together, alone, strict=True))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_goes_through(kernels: KernelsForTests, value: float) -> None:
    """A ReLU as a maximum would hide a training that diverged."""
    plan = single(3, 1)
    weights = random_weights(plan, torch.Generator().manual_seed(0))
    weights[0].weight[0, 0, 0, 0] = value
    ours = OnKernels(kernels.library(), plan, weights)
    passed = ours.both(drawn(1, 4, 2, 13, 9), gradients_of(plan, 4))
    assert passed.maps[0].isnan().any()
    assert passed.gradients[1][0].isnan().any()


@pytest.mark.parametrize(
    "plan",
    [dense(), residual(), pooled("largest"), pooled("mean"), separable()],
    ids=["dense", "residual", "largest", "mean", "separable"],
)
def test_identity_in_place_of_relu(kernels: KernelsForTests, plan: SmallPlan) -> None:
    """Without ReLUs there are no signs to turn: the whole of a gradient is compared, nothing is given."""
    weights = random_weights(plan, torch.Generator().manual_seed(0))
    batch, gradients = drawn(1, 24, plan.channels, plan.height, plan.width), gradients_of(plan, 24)
    found = OnKernels(kernels.library(16, "-DIDENTITY"), plan, weights).both(batch, gradients)
    everything = [torch.ones_like(maps) for maps in found.written]
    expected = in_torch(plan, weights, batch, gradients, everything)
    largest = max(float(one.norm()) for of_unit in expected.gradients for one in of_unit)
    for of_unit, others in zip(found.gradients, expected.gradients, strict=True):
        for one, other in zip(of_unit, others, strict=True):  # a shift before a pointwise unit has the gradient 0
            assert (one.double() - other).norm() < LARGEST_ERROR * max(float(other.norm()), 0.01 * largest)


@pytest.mark.parametrize("threads", [1, 2])
def test_descent_is_that_of_torch(kernels: KernelsForTests, threads: int) -> None:
    shapes = [(16, 3, 3, 3), (1,), (17,), (128, 300), (40, 50, 3, 3)]
    weights = [drawn(number, *shape) for number, shape in enumerate(shapes)]
    theirs = [torch.nn.Parameter(weight.double()) for weight in weights]
    optimizer = torch.optim.SGD(theirs, lr=0.1, momentum=0.9, weight_decay=1e-2)
    momenta = [torch.zeros_like(weight) for weight in weights]
    for step in range(4):
        gradients = [drawn(100 * step + number, *shape) for number, shape in enumerate(shapes)]
        for parameter, gradient in zip(theirs, gradients, strict=True):
            parameter.grad = gradient.double()
        optimizer.step()
        kernels.library().sgd(weights, gradients, momenta, 0.1, 0.9, 1e-2, threads)
    for weight, parameter, momentum in zip(weights, theirs, momenta, strict=True):
        assert error(weight, parameter.detach()) < 1e-6
        assert error(momentum, optimizer.state[parameter]["momentum_buffer"]) < 1e-6


def test_no_memory_is_an_error_and_no_end(kernels: KernelsForTests) -> None:
    huge = SmallPlan(1 << 14, 1 << 14, 1, (Unit((0, 0, 1), writes=1, channels=1 << 14),), exports=((1, 0, 1),))
    ours = OnKernels(kernels.library(), huge, random_weights(huge, torch.Generator().manual_seed(0)))
    with pytest.raises(MemoryError, match="no memory for the maps of 1 images"):
        ours.engine.forward(torch.empty(1, 1, 1, 1), [torch.empty(1), torch.empty(1)], True)
