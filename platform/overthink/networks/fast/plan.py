"""The plan of a network: which convolution reads and writes which channels of which buffer.

A buffer holds maps of one size. A concatenation is no operation: each of its parts writes its own channels of a wider
buffer. What the kernels execute is checked here, since they check nothing themselves.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import nn

STRIDES = (1, 2, 4)
LARGEST_KERNEL = 7
MOST_TAPS = 512
"""Products of positions that the gradient of one position can gather."""


class NotPlannableError(ValueError):
    """A network has a layer that the fast kernels do not have; the message names it."""


class Maps(NamedTuple):
    """Channels of a buffer."""

    buffer: int
    first: int
    channels: int
    gain: float = 1.0
    """Factor of the gradients that come back through these maps, in proportion to that with which they were written."""

    def holds(self, other: "Maps") -> bool:
        """Return whether these channels include all of the other's."""
        end, other_end = self.first + self.channels, other.first + other.channels
        return self.buffer == other.buffer and self.first <= other.first and other_end <= end


class Buffer(NamedTuple):
    """Maps of one size."""

    height: int
    width: int
    channels: int


@dataclass(frozen=True)
class Unit:
    """A convolution without bias and BatchNorm, of a module tree, and a ReLU where it has one."""

    convolution: nn.Conv2d
    norm: nn.BatchNorm2d
    relu: bool = True

    @property
    def geometry(self) -> tuple[int, int, int]:
        """Kernel size, stride and padding."""
        return self.convolution.kernel_size[0], self.convolution.stride[0], int(self.convolution.padding[0])

    @property
    def frozen(self) -> bool:
        """Whether it learns nothing and keeps its statistics."""
        return not self.norm.training

    @property
    def constants(self) -> tuple[float, float]:
        """Momentum of the running statistics, and epsilon."""
        assert self.norm.momentum is not None
        return self.norm.momentum, self.norm.eps

    @classmethod
    def of(cls, *layers: nn.Module) -> "Unit":
        """Return the unit that layers are; raises NotPlannableError saying what they are instead."""
        match layers:
            case [nn.Sequential() as sequence]:
                return cls.of(*sequence)
            case [nn.Conv2d() as convolution, nn.BatchNorm2d() as norm]:
                unit = cls(convolution, norm, relu=False)
            case [nn.Conv2d() as convolution, nn.BatchNorm2d() as norm, nn.ReLU()]:
                unit = cls(convolution, norm)
            case others:
                names = " + ".join(type(layer).__name__ for layer in others)
                raise NotPlannableError(f"{names} is not a convolution with BatchNorm and ReLU")
        if problem := _problem(convolution, norm):
            raise NotPlannableError(problem)
        return unit


@dataclass(frozen=True)
class Part:
    """A unit of an operation, and the maps that it writes."""

    unit: Unit
    writes: Maps
    shortcut: Maps | None = None
    """Maps that are added before the ReLU."""


@dataclass(frozen=True)
class Operation:
    """Units of one geometry that read the same maps, computed as one convolution."""

    reads: Maps
    parts: tuple[Part, ...]

    @property
    def unit(self) -> Unit:
        """The first unit; the others have the same geometry and constants."""
        return self.parts[0].unit


@dataclass(frozen=True)
class Plan:
    """What the kernels execute, in this order. Buffer 0 holds the images."""

    buffers: tuple[Buffer, ...]
    operations: tuple[Operation, ...]
    exports: tuple[Maps, ...]
    """Maps that are handed out."""

    @property
    def units(self) -> tuple[Unit, ...]:
        """Every unit once."""
        return tuple(part.unit for operation in self.operations for part in operation.parts)

    @property
    def learning(self) -> tuple[Unit, ...]:
        """Units that get gradients: neither frozen nor without a way to an exit."""
        parts = (part for operation in self.operations for part in operation.parts)
        needed = self._needed()
        return tuple(part.unit for part in parts if part.writes in needed and not part.unit.frozen)

    def without_idle(self) -> "Plan":
        """Return the plan without frozen operations that no exit needs; others still take the batch's statistics."""
        needed = self._needed()
        kept = (
            one for one in self.operations if not one.unit.frozen or any(part.writes in needed for part in one.parts)
        )
        return replace(self, operations=tuple(kept))

    def _needed(self) -> set[Maps]:
        """Return the maps that lead to an exit."""
        read, needed = list(self.exports), set()
        for operation in reversed(self.operations):
            written = {part.writes for part in operation.parts if any(maps.holds(part.writes) for maps in read)}
            needed |= written
            if written:
                shortcuts = [part.shortcut for part in operation.parts if part.shortcut is not None]
                read += [operation.reads, *shortcuts]
        return needed


class PlanBuilder:
    """Collects the operations of a network, layer by layer."""

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        channels, height, width = image_shape
        self.images = Maps(0, 0, channels)
        self._buffers = [Buffer(height, width, channels)]
        self._operations: list[Operation] = []
        self._exports: list[Maps] = []

    def unit(self, source: Maps, *layers: nn.Module, shortcut: Maps | None = None) -> Maps:
        """Return new maps: a unit's output on `source`, with a shortcut added before its ReLU."""
        unit = Unit.of(*layers)
        size = self._size(source, unit)._replace(channels=unit.convolution.out_channels)
        if shortcut is not None and (shortcut.channels, shortcut.gain) != (size.channels, 1):
            raise NotPlannableError("a shortcut of another width, or with gradient equilibrium")
        self._buffers.append(size)
        return self._write(source, unit, Maps(len(self._buffers) - 1, 0, size.channels), shortcut)

    def appended(self, old: Maps, source: Maps, layers: nn.Module) -> Maps:
        """Return the concatenation of `old` and a unit's output on `source`; the gain is that of `old`."""
        unit = Unit.of(layers)
        buffer, size = self._buffers[old.buffer], self._size(source, unit)
        if (old.first, old.channels) != (0, buffer.channels) or size[:2] != buffer[:2]:
            raise NotPlannableError("a concatenation of maps that belong to other concatenations, or of other sizes")
        new = old._replace(first=buffer.channels, channels=unit.convolution.out_channels)
        self._buffers[old.buffer] = buffer._replace(channels=buffer.channels + new.channels)
        self._write(source, unit, new)
        return old._replace(channels=old.channels + new.channels)

    def export(self, maps: Maps) -> None:
        """Hand out maps."""
        if maps.gain != 1:
            raise NotPlannableError("gradient equilibrium on maps that an exit reads without a convolution")
        self._exports.append(maps)

    def plan(self) -> Plan:
        """Return the plan; units that read the same maps in the same way are computed together."""
        together: dict[tuple[object, ...], Operation] = {}
        for number, operation in enumerate(self._operations):
            unit = operation.unit
            alone = unit.geometry[0] > 1  # its own gradients are gathered with its neighbours', which saves more
            key = (operation.reads, unit.geometry, unit.constants, unit.frozen, number if alone else None)
            known = together.get(key)
            together[key] = replace(known, parts=known.parts + operation.parts) if known else operation
        return _checked(Plan(tuple(self._buffers), tuple(together.values()), tuple(self._exports)).without_idle())

    def _write(self, source: Maps, unit: Unit, target: Maps, shortcut: Maps | None = None) -> Maps:
        self._operations.append(Operation(source, (Part(unit, target, shortcut),)))
        return target

    def _size(self, source: Maps, unit: Unit) -> Buffer:
        if unit.convolution.in_channels != source.channels:
            raise NotPlannableError(f"{source.channels} channels lead into {unit.convolution}")
        kernel, stride, padding = unit.geometry
        height, width, _ = self._buffers[source.buffer]
        return Buffer((height + 2 * padding - kernel) // stride + 1, (width + 2 * padding - kernel) // stride + 1, 0)


def _problem(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> str:
    """Return what the kernels cannot compute of a unit; empty if nothing."""
    kernel, stride, padding = convolution.kernel_size, convolution.stride, convolution.padding
    fits = {
        "groups": convolution.groups == 1,
        "dilation": convolution.dilation == (1, 1),
        "bias": convolution.bias is None,
        "padding_mode": convolution.padding_mode == "zeros",
        "kernel_size": kernel[0] == kernel[1] <= LARGEST_KERNEL,
        "stride": stride[0] == stride[1] and stride[0] in STRIDES,
        "padding": not isinstance(padding, str) and padding[0] == padding[1] < kernel[0],
    }
    if wrong := [name for name, right in fits.items() if not right]:
        return f"a convolution with {wrong[0]} = {getattr(convolution, wrong[0])}"
    if not norm.affine or not norm.track_running_stats or norm.momentum is None:
        return f"{norm} without weights, running statistics or momentum"
    if norm.num_features != convolution.out_channels:
        return f"{norm} after {convolution}"
    return ""


def _checked(plan: Plan) -> Plan:
    """Return a plan whose every index is in bounds, and whose maps are written before they are read."""
    written = [set(range(plan.buffers[0].channels)) if number == 0 else set() for number in range(len(plan.buffers))]
    for operation in plan.operations:
        _check_readable(operation.reads, plan, written)
        for part in operation.parts:
            if part.shortcut is not None:
                _check_shortcut(part, plan, written)
            channels = set(range(part.writes.first, part.writes.first + part.writes.channels))
            assert part.writes.buffer > 0
            assert channels <= set(range(plan.buffers[part.writes.buffer].channels))
            assert not channels & written[part.writes.buffer], "maps are written once"
            written[part.writes.buffer] |= channels
    for maps in plan.exports:
        _check_readable(maps, plan, written)
    if (most := max(_taps(maps, plan) for maps in _slices(plan))) > MOST_TAPS:
        raise NotPlannableError(f"maps whose gradients are sums of {most} products, more than {MOST_TAPS}")
    return plan


def _check_shortcut(part: Part, plan: Plan, written: list[set[int]]) -> None:
    """Raise where a shortcut is not there yet, is of another size, or is another's, too: its gradient has one place."""
    assert part.shortcut is not None
    _check_readable(part.shortcut, plan, written)
    assert plan.buffers[part.shortcut.buffer][:2] == plan.buffers[part.writes.buffer][:2]
    parts = [one for operation in plan.operations for one in operation.parts if one.shortcut is not None]
    if sum(one.shortcut is not None and one.shortcut.buffer == part.shortcut.buffer for one in parts) > 1:
        raise NotPlannableError("maps that two shortcuts read")


def _slices(plan: Plan) -> list[Maps]:
    return [part.writes for operation in plan.operations for part in operation.parts]


def _check_readable(maps: Maps, plan: Plan, written: list[set[int]]) -> None:
    assert 0 <= maps.buffer < len(plan.buffers)
    assert set(range(maps.first, maps.first + maps.channels)) <= written[maps.buffer], "read before they are written"


def _taps(maps: Maps, plan: Plan) -> int:
    readers = [operation for operation in plan.operations if operation.reads.buffer == maps.buffer]
    return sum(operation.unit.geometry[0] ** 2 for operation in readers)
