"""Blocks and exits' convolutions of a network as one differentiable function, computed by the fast kernels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from overthink.networks.fast.library import Engine, Library
from overthink.networks.fast.plan import Operation, Plan, Pool, Unit


class Backbone:
    """Images to the maps of every exit. Weights and statistics are the network's own tensors, in place.

    Gradients of its weights are valid until the next backward pass, which writes to the same memory.
    """

    def __init__(self, plan: Plan, library: Library, threads: int, roll: int = 0) -> None:
        """With `roll`, images change places within a batch by so many, which changes the rounding of sums alone."""
        self.plan, self._roll = plan, roll
        moving = [unit for unit in plan.units if not unit.frozen]
        self._counters = [_counter(unit) for unit in moving]
        self._gradients = {unit: [torch.zeros_like(weight) for weight in _weights(unit)] for unit in moving}
        self._learning = plan.learning
        self.weights = [weight for unit in self._learning for weight in _weights(unit)]
        self._engine = self._built(library, threads)
        self.bound = bound(plan)
        """Where the weights and statistics lay, and what was frozen."""
        self._passes = 0

    def maps(self, images_BKHW: Tensor) -> tuple[Tensor, ...]:
        """Return maps_BFHW of every exit, with gradients; BatchNorm by the batch, except where it is frozen."""
        self._engine.prepare(training=True)
        return _Maps.apply(images_BKHW, self, *self.weights)  # type: ignore[no-any-return]

    def evaluation(self) -> Callable[[Tensor], tuple[Tensor, ...]]:
        """Return images_BKHW -> maps_BFHW by the running statistics; valid until a weight changes."""
        self._engine.prepare(training=False)
        return lambda images_BKHW: self._forward(images_BKHW, training=False)

    def _built(self, library: Library, threads: int) -> Engine:
        engine = library.engine(threads)
        for buffer in self.plan.buffers:
            engine.buffer(*buffer)
        for operation in self.plan.operations:
            give(engine, operation, self._gradients)
        for maps in self.plan.exports:
            engine.export(*maps[:3])
        engine.finish()
        return engine

    def _forward(self, images_BKHW: Tensor, training: bool) -> tuple[Tensor, ...]:
        images_BKHW = images_BKHW.roll(self._roll, 0) if self._roll else images_BKHW.contiguous()
        sizes = [(maps.channels, *self.plan.buffers[maps.buffer][:2]) for maps in self.plan.exports]
        outputs = tuple(torch.empty(len(images_BKHW), *size) for size in sizes)
        self._engine.forward(images_BKHW, outputs, training)
        self._passes += training
        return tuple(maps.roll(-self._roll, 0) for maps in outputs) if self._roll else outputs

    def _trained(self, images_BKHW: Tensor) -> tuple[tuple[Tensor, ...], int]:
        outputs = self._forward(images_BKHW, training=True)
        if self._counters:
            torch._foreach_add_(self._counters, 1)
        return outputs, self._passes

    def _backward(self, gradients: Sequence[Tensor], number: int) -> list[Tensor]:
        assert number == self._passes, "the backward pass of an earlier forward pass"
        rolled = [maps.roll(self._roll, 0) if self._roll else maps.contiguous() for maps in gradients]
        self._engine.backward(rolled)
        return [gradient for unit in self._learning for gradient in self._gradients[unit]]


class _Maps(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images_BKHW: Tensor, backbone: Backbone, *weights: Tensor) -> tuple[Tensor, ...]:
        ctx.backbone = backbone
        outputs, ctx.number = backbone._trained(images_BKHW)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return (None, None, *ctx.backbone._backward(gradients, ctx.number))


def give(engine: Engine, operation: Operation | Pool, gradients: Mapping[Unit, Sequence[Tensor]]) -> None:
    """Add an operation to an engine. Units that have no gradients here are frozen."""
    reads = operation.reads
    if isinstance(operation, Pool):
        writes = operation.writes[:3]
        engine.pool(operation.geometry, reads[:3], writes, mean=operation.mean, frozen=operation.frozen)
        return
    unit = operation.unit
    number = engine.operation(unit.geometry, reads[:3], unit.constants, unit.frozen, reads.gain)
    for part in operation.parts:
        of_part: Sequence[Tensor | None] = gradients.get(part.unit, [None] * 3)
        engine.part(number, part.writes[:3], part.writes.gain, _pointers(part.unit, of_part))
        if part.shortcut is not None:
            engine.shortcut(number, *part.shortcut[:2])
        if not part.unit.relu:
            engine.linear(number)
    if unit.depthwise:
        engine.depthwise(number)


def bound(plan: Plan) -> tuple[object, ...]:
    """Return what the kernels hold fixed of a plan's units: where their tensors lie, and which are frozen."""
    return tuple((unit.frozen, *(tensor.data_ptr() for tensor in _tensors(unit))) for unit in plan.units)


def _weights(unit: Unit) -> tuple[Tensor, Tensor, Tensor]:
    return unit.convolution.weight, unit.norm.weight, unit.norm.bias


def _tensors(unit: Unit) -> tuple[Tensor, ...]:
    mean, variance = unit.norm.running_mean, unit.norm.running_var
    assert mean is not None
    assert variance is not None
    return *_weights(unit), mean, variance


def _counter(unit: Unit) -> Tensor:
    assert unit.norm.num_batches_tracked is not None
    return unit.norm.num_batches_tracked


def _pointers(unit: Unit, gradients: Sequence[Tensor | None]) -> list[Tensor | None]:
    weight, gamma, beta, mean, variance = _tensors(unit)
    of_weight, of_gamma, of_beta = gradients
    return [weight, of_weight, gamma, beta, of_gamma, of_beta, mean, variance]
