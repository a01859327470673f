"""Small networks as plans of the kernels, and the same in torch in float64, to compare with.

A plan names buffers by what lies in them; every buffer's maps are the concatenation of what is written to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from overthink.networks.fast.library import Engine, Library

MOMENTUM, EPSILON = 0.1, 1e-5


@dataclass(frozen=True)
class Unit:
    """A convolution with BatchNorm and ReLU: from (buffer, first, channels) to channels at the end of a buffer.

    Or a depthwise one, or a pooling, which makes as many channels as it reads.
    """

    reads: tuple[int, int, int]
    writes: int
    channels: int
    kernel: int = 3
    stride: int = 1
    padding: int = -1  # of half the kernel
    frozen: bool = False
    read_gain: float = 1.0
    written_gain: float = 1.0
    together: bool = False  # one operation with the unit before it
    shortcut: tuple[int, int] | None = None  # buffer and first channel of what is added before the ReLU
    linear: bool = False  # no ReLU
    kind: Literal["convolution", "depthwise", "largest", "mean"] = "convolution"

    @property
    def pools(self) -> bool:
        return self.kind in ("largest", "mean")

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        inputs = 0 if self.pools else 1 if self.kind == "depthwise" else self.reads[2]
        return (self.channels if inputs else 0), inputs, self.kernel, self.kernel

    @property
    def geometry(self) -> tuple[int, int, int]:
        return self.kernel, self.stride, self.kernel // 2 if self.padding < 0 else self.padding


@dataclass(frozen=True)
class SmallPlan:
    """Sides of the images and their channels, units in order, and slices that are handed out."""

    height: int
    width: int
    channels: int
    units: tuple[Unit, ...]
    exports: tuple[tuple[int, int, int], ...]

    @property
    def firsts(self) -> list[int]:
        """The first channel that each unit writes."""
        used: dict[int, int] = {}
        firsts = []
        for unit in self.units:
            firsts.append(used.get(unit.writes, 0))
            used[unit.writes] = firsts[-1] + unit.channels
        return firsts

    @property
    def buffers(self) -> list[tuple[int, int, int]]:
        """Height, width and channels of each."""
        found = {0: (self.height, self.width, self.channels)}
        for unit in self.units:
            kernel, stride, padding = unit.geometry
            height, width = ((side + 2 * padding - kernel) // stride + 1 for side in found[unit.reads[0]][:2])
            found[unit.writes] = (height, width, found.get(unit.writes, (0, 0, 0))[2] + unit.channels)
        return [found[number] for number in range(len(found))]


class Weights(NamedTuple):
    """Of one unit; BatchNorm's statistics are changed in place."""

    weight: Tensor
    gamma: Tensor
    beta: Tensor
    mean: Tensor
    variance: Tensor


@dataclass
class Passed:
    """What a forward and a backward pass gave: exported maps, gradients a unit, statistics a unit."""

    maps: list[Tensor]
    written: list[Tensor]
    gradients: list[list[Tensor]] = field(default_factory=list)
    statistics: list[list[Tensor]] = field(default_factory=list)

    @property
    def tensors(self) -> list[Tensor]:
        flat = [one for of_unit in (*self.gradients, *self.statistics) for one in of_unit]
        return [*self.maps, *self.written, *flat]


def random_weights(plan: SmallPlan, generator: torch.Generator, beta: float = 0.0) -> list[Weights]:
    """Draw weights and statistics; `beta` shifts all maps."""
    found = []
    for unit in plan.units:
        outputs, inputs, *_ = unit.weight_shape
        fan_in = inputs * unit.kernel**2 or 1
        weight = torch.randn(unit.weight_shape, generator=generator) / fan_in**0.5
        gamma, variance = (torch.rand(outputs, generator=generator) + 0.5 for _ in range(2))
        shift, mean = (torch.randn(outputs, generator=generator) * 0.3 for _ in range(2))
        found.append(Weights(weight, gamma, shift + beta, mean, variance))
    return found


class OnKernels:
    """A plan on the kernels. What units write is handed out after the exports, for their signs."""

    def __init__(self, library: Library, plan: SmallPlan, weights: list[Weights], threads: int = 1) -> None:
        self.plan = plan
        self.weights = [Weights(*(one.clone() for one in of_unit)) for of_unit in weights]
        self.gradients = [
            [torch.full_like(one, torch.nan) for one in (of.weight, of.gamma, of.beta)] for of in self.weights
        ]
        self.engine: Engine = library.engine(threads)
        for buffer in plan.buffers:
            self.engine.buffer(*buffer)
        slices = [(unit.writes, first, unit.channels) for unit, first in zip(plan.units, plan.firsts, strict=True)]
        number = -1
        rows = zip(plan.units, slices, self.weights, self.gradients, strict=True)
        for unit, written, of, (of_weight, of_gamma, of_beta) in rows:
            if unit.pools:
                mean = unit.kind == "mean"
                self.engine.pool(unit.geometry, unit.reads, written, mean=mean, frozen=unit.frozen)
                number += 1
                continue
            if not unit.together:
                constants = (MOMENTUM, EPSILON)
                number = self.engine.operation(unit.geometry, unit.reads, constants, unit.frozen, unit.read_gain)
            learning: list[Tensor | None] = [None] * 3 if unit.frozen else [of_weight, of_gamma, of_beta]
            tensors = [of.weight, learning[0], of.gamma, of.beta, learning[1], learning[2], of.mean, of.variance]
            self.engine.part(number, written, unit.written_gain, tensors)
            if unit.shortcut:
                self.engine.shortcut(number, *unit.shortcut)
            if unit.linear:
                self.engine.linear(number)
            if unit.kind == "depthwise":
                self.engine.depthwise(number)
        self.slices = [*plan.exports, *slices]
        for one in self.slices:
            self.engine.export(*one)
        self.engine.finish()

    def forward(self, images_BKHW: Tensor, training: bool = True) -> Passed:
        self.engine.prepare(training=training)
        shapes = [(channels, *self.plan.buffers[buffer][:2]) for buffer, _, channels in self.slices]
        maps = [torch.full((len(images_BKHW), *shape), torch.nan) for shape in shapes]
        self.engine.forward(images_BKHW, maps, training)
        n = len(self.plan.exports)
        statistics = [[of.mean.clone(), of.variance.clone()] for of in self.weights]
        return Passed(maps[:n], maps[n:], statistics=statistics)

    def both(self, images_BKHW: Tensor, gradients: Sequence[Tensor | None]) -> Passed:
        passed = self.forward(images_BKHW)
        self.engine.backward([*gradients, *[None] * len(self.plan.units)])
        learning = zip(self.plan.units, self.gradients, strict=True)
        passed.gradients = [[one.clone() for one in of] for unit, of in learning if not unit.frozen]
        return passed


class _Scaled(torch.autograd.Function):
    """The identity, whose gradient is multiplied."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return maps.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * ctx.factor, None


def in_torch(
    plan: SmallPlan,
    weights: list[Weights],
    images_BKHW: Tensor,
    gradients: Sequence[Tensor | None] = (),
    signs: Sequence[Tensor] | None = None,
    training: bool = True,
) -> Passed:
    """Run a plan in float64. Its ReLUs let through what `signs` say, so that rounding turns none of them."""
    own = [Weights(*(one.double().clone() for one in of)) for of in weights]
    segments: dict[int, list[tuple[Tensor, float]]] = {0: [(images_BKHW.double(), 1.0)]}
    written = []
    for number, (unit, of) in enumerate(zip(plan.units, own, strict=True)):
        buffer, first, channels = unit.reads
        read = [_Scaled.apply(maps, unit.read_gain / gain) for maps, gain in segments[buffer]]
        maps = torch.cat(read, dim=1)[:, first : first + channels]
        learns = training and not unit.frozen
        for one in of[:3]:
            one.requires_grad_(learns)
        if unit.pools:
            pool = functional.avg_pool2d if unit.kind == "mean" else functional.max_pool2d
            maps = pool(maps, *unit.geometry)
            segments.setdefault(unit.writes, []).append((maps, unit.written_gain))
            written.append(maps)
            continue
        groups = unit.channels if unit.kind == "depthwise" else 1
        maps = functional.conv2d(maps, of.weight, stride=unit.stride, padding=unit.geometry[2], groups=groups)
        maps = functional.batch_norm(maps, of.mean, of.variance, of.gamma, of.beta, learns, MOMENTUM, EPSILON)
        if unit.shortcut:
            maps = maps + _slice(segments[unit.shortcut[0]], unit.shortcut[1], unit.channels)
        if not unit.linear:
            maps = functional.relu(maps) if signs is None else maps * (signs[number] > 0)
        segments.setdefault(unit.writes, []).append((maps, unit.written_gain))
        written.append(maps)
    whole = {buffer: torch.cat([maps for maps, _ in of], dim=1) for buffer, of in segments.items()}
    exported = [whole[buffer][:, first : first + channels] for buffer, first, channels in plan.exports]
    losses = [(maps * by.double()).sum() for maps, by in zip(exported, gradients, strict=False) if by is not None]
    if losses:
        torch.stack(losses).sum().backward()
    passed = Passed([one.detach() for one in exported], [one.detach() for one in written])
    passed.statistics = [[of.mean, of.variance] for of in own]
    if losses:
        learning = [of for unit, of in zip(plan.units, own, strict=True) if not unit.frozen]
        passed.gradients = [[_gradient(one) for one in of[:3]] for of in learning]
    return passed


def _slice(segments: list[tuple[Tensor, float]], first: int, channels: int) -> Tensor:
    return torch.cat([maps for maps, _ in segments], dim=1)[:, first : first + channels]


def _gradient(tensor: Tensor) -> Tensor:
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad


def error(found: Tensor, expected: Tensor) -> float:
    """The norm of the difference in proportion to that of what is expected."""
    scale = float(expected.norm())
    return float((found.double() - expected).norm()) / (scale or 1.0)


def dense(*, gains: bool = False, frozen: int = 0) -> SmallPlan:
    """Two scales of a dense network with bottlenecks, as MSDNet has; an exit at each, one of them read on.

    The first `frozen` units are frozen.
    """
    of = (1.0, 0.5, 2.0, 3.0) if gains else (1.0,) * 4
    units = [
        Unit((0, 0, 3), writes=1, channels=7),
        Unit((1, 0, 7), writes=2, channels=10, stride=2),
        Unit((1, 0, 7), writes=3, channels=9, kernel=1),
        Unit((1, 0, 7), writes=4, channels=5, kernel=1, together=True),
        Unit((2, 0, 10), writes=5, channels=13, kernel=1),
        Unit((3, 0, 9), writes=1, channels=6),
        Unit((4, 0, 5), writes=2, channels=4, stride=2),
        Unit((5, 0, 13), writes=2, channels=4),
        Unit((1, 0, 13), writes=6, channels=12, kernel=1),
        Unit((2, 10, 8), writes=7, channels=11, stride=2),
        Unit((2, 0, 18), writes=7, channels=3, stride=2),
    ]
    for number, unit in enumerate(units):
        reads = of[2] if unit.together else of[number % 4]
        units[number] = replace(unit, frozen=number < frozen, read_gain=reads, written_gain=of[(number + 1) % 4])
    return SmallPlan(11, 8, 3, tuple(units), exports=((7, 0, 14), (6, 0, 12), (2, 0, 18), (1, 3, 8)))


def residual(*, frozen: int = 0) -> SmallPlan:
    """Two blocks of a residual network, the second with a projection, and part of a buffer as a shortcut."""
    units = [
        Unit((0, 0, 3), writes=1, channels=8),
        Unit((1, 0, 8), writes=2, channels=8),
        Unit((2, 0, 8), writes=3, channels=8, shortcut=(1, 0)),
        Unit((3, 0, 8), writes=4, channels=12, kernel=1, stride=2, linear=True),
        Unit((3, 0, 8), writes=5, channels=12, stride=2),
        Unit((5, 0, 12), writes=6, channels=12, shortcut=(4, 0)),
        Unit((6, 0, 12), writes=7, channels=5, kernel=1, shortcut=(5, 4)),
    ]
    units = [replace(unit, frozen=number < frozen) for number, unit in enumerate(units)]
    return SmallPlan(9, 10, 3, tuple(units), exports=((7, 0, 5), (1, 2, 3), (6, 0, 12)))


def single(kernel: int, stride: int, channels: int = 8, *, height: int = 13, width: int = 9) -> SmallPlan:
    """Two convolutions of one geometry, one after the other."""
    units = (
        Unit((0, 0, 2), writes=1, channels=5, kernel=kernel, stride=stride),
        Unit((1, 0, 5), writes=2, channels=channels, kernel=kernel, stride=stride),
    )
    return SmallPlan(height, width, 2, units, exports=((2, 0, channels),))


def pooled(kind: Literal["largest", "mean"], *, kernel: int = 3, stride: int = 2, frozen: int = 0) -> SmallPlan:
    """Poolings between units and at the end, of maps that are read, added and handed out as well, one of another."""
    units = [
        Unit((0, 0, 3), writes=1, channels=9),
        Unit((1, 0, 9), writes=2, channels=9, kernel=kernel, stride=stride, kind=kind),
        Unit((1, 0, 9), writes=3, channels=9, shortcut=(1, 0)),
        Unit((1, 2, 7), writes=4, channels=7, kernel=2, stride=1, padding=0, kind=kind),
        Unit((2, 0, 9), writes=5, channels=5),
        Unit((4, 0, 7), writes=6, channels=4, kernel=1),
        Unit((5, 0, 5), writes=7, channels=5, kernel=3, stride=1, kind=kind),
        Unit((7, 0, 5), writes=8, channels=5, kernel=3, stride=1, padding=0, kind=kind),
    ]
    units = [replace(unit, frozen=number < frozen) for number, unit in enumerate(units)]
    return SmallPlan(12, 11, 3, tuple(units), exports=((8, 0, 5), (3, 0, 9), (6, 0, 4), (1, 3, 4), (7, 1, 2)))


def separable(*, kernel: int = 3, stride: int = 2, frozen: int = 0) -> SmallPlan:
    """Depthwise convolutions between pointwise ones, as MobileNet has, with a shortcut; two read the same maps."""
    units = [
        Unit((0, 0, 3), writes=1, channels=14),
        Unit((1, 0, 14), writes=2, channels=14, kernel=kernel, kind="depthwise"),
        Unit((2, 0, 14), writes=3, channels=14, kernel=1, shortcut=(1, 0), linear=True),
        Unit((3, 0, 14), writes=4, channels=14, kernel=kernel, stride=stride, kind="depthwise"),
        Unit((3, 5, 3), writes=5, channels=3, kernel=3, stride=2, kind="depthwise", linear=True),
        Unit((4, 0, 14), writes=6, channels=6, kernel=1),
        Unit((6, 0, 6), writes=7, channels=6, kernel=3, kind="depthwise", shortcut=(6, 0)),
    ]
    units = [replace(unit, frozen=number < frozen) for number, unit in enumerate(units)]
    return SmallPlan(10, 9, 3, tuple(units), exports=((7, 0, 6), (5, 0, 3), (2, 3, 5)))
