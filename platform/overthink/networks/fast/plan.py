"""The plan of a network: which convolution or pooling reads and writes which channels of which buffer.

A buffer holds maps of one size. A concatenation is no operation: each of its parts writes its own channels of a wider
buffer.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import nn

from overthink.networks.fast.layers import NotPlannableError, problem_of


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

    def overlaps(self, other: "Maps") -> bool:
        """Return whether these channels include some of the other's."""
        apart = self.first + self.channels <= other.first or other.first + other.channels <= self.first
        return self.buffer == other.buffer and not apart


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
    def depthwise(self) -> bool:
        """Whether each of its outputs reads the one channel of its number."""
        return self.convolution.groups > 1

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
        if problem := problem_of(convolution, norm):
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

    @property
    def geometry(self) -> tuple[int, int, int]:
        """Kernel size, stride and padding."""
        return self.unit.geometry

    @property
    def frozen(self) -> bool:
        """Whether its units are."""
        return self.unit.frozen

    @property
    def sources(self) -> tuple[Maps, ...]:
        """All that it reads."""
        return self.reads, *(part.shortcut for part in self.parts if part.shortcut is not None)

    @property
    def targets(self) -> tuple[Maps, ...]:
        """All that it writes."""
        return tuple(part.writes for part in self.parts)


@dataclass(frozen=True)
class Pool:
    """A pooling of every channel by itself."""

    reads: Maps
    writes: Maps
    geometry: tuple[int, int, int]
    """Kernel size, stride and padding."""
    mean: bool
    """By the mean of all taps, padding included, in place of the largest."""
    frozen: bool
    """Whether nothing before it learns."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """None: it has no unit."""
        return ()

    @property
    def sources(self) -> tuple[Maps, ...]:
        """All that it reads."""
        return (self.reads,)

    @property
    def targets(self) -> tuple[Maps, ...]:
        """All that it writes."""
        return (self.writes,)


@dataclass(frozen=True)
class Plan:
    """What the kernels execute, in this order. Buffer 0 holds the images."""

    buffers: tuple[Buffer, ...]
    operations: tuple[Operation | Pool, ...]
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
        needed = self._needed(self.exports)
        return tuple(part.unit for part in parts if part.writes in needed and not part.unit.frozen)

    def without_idle(self) -> "Plan":
        """Return the plan without operations that no exit needs; units that learn still take the batch's statistics."""
        needed = self._needed(self.exports)
        kept = (one for one in self.operations if (one.parts and not one.frozen) or needed & set(one.targets))
        return replace(self, operations=tuple(kept))

    def only(self, exits: Collection[int]) -> "Plan":
        """Return the plan of some exits, numbered from 1, and of nothing that only others need."""
        exports = (maps for number, maps in enumerate(self.exports, 1) if number in exits)
        return replace(self, exports=tuple(exports)).without_idle()

    def stages(self) -> tuple[tuple[Operation | Pool, ...], ...]:
        """Return for each exit the operations that it needs in addition to those of the exits before it."""
        stages: list[tuple[Operation | Pool, ...]] = []
        left = self.operations
        for maps in self.exports:
            needed = self._needed((maps,))
            stages.append(tuple(one for one in left if needed & set(one.targets)))
            left = tuple(one for one in left if not needed & set(one.targets))
        return tuple(stages)

    def _needed(self, exports: tuple[Maps, ...]) -> set[Maps]:
        """Return the maps that lead to some that are handed out."""
        read, needed = list(exports), set[Maps]()
        for operation in reversed(self.operations):
            written = {target for target in operation.targets if any(maps.holds(target) for maps in read)}
            needed |= written
            if written:
                read += operation.sources
        return needed
