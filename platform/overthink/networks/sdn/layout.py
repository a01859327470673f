"""The backbones of Shallow-Deep Networks in numbers, without torch: units, channels, sizes of maps, places of exits.

A backbone is a sequence of units, counted from 1: the convolutions of a VGG, the residual blocks of a ResNet, the
depthwise separable blocks of a MobileNet. Stages of units differ in the size of their maps.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

Backbone = Literal["vgg", "resnet", "wrn", "mobilenet"]
SHARES = (0.15, 0.30, 0.45, 0.60, 0.75, 0.90)
"""Of a backbone's cost: where the paper places internal classifiers."""
FIRST_OF_WIDE = 16
"""Channels of the first convolution of a wide ResNet, at any width."""
MOST_OF_VGG = 8
"""Times its width: channels of a VGG's widest stages."""


class Published(NamedTuple):
    """A backbone as the paper has it; `after` are the units that internal classifiers stand behind."""

    layers: tuple[int, ...]
    width: int
    after: tuple[int, ...]
    dropout: float | None
    """None where it has no dropout."""


PUBLISHED: dict[Backbone, Published] = {
    "vgg": Published((2, 2, 3, 3, 3), 64, (2, 4, 6, 7, 9, 10), 0.5),
    "resnet": Published((9, 9, 9), 16, (4, 8, 12, 16, 20, 24), None),
    "wrn": Published((5, 5, 5), 64, (3, 5, 7, 9, 11, 13), 0.3),
    "mobilenet": Published((1, 2, 2, 6, 2), 64, (3, 5, 7, 9, 12), None),
}


class Layout(NamedTuple):
    """A backbone with its exits."""

    backbone: Backbone
    layers: tuple[int, ...]
    """Units of each stage."""
    width: int
    """Channels of the first stage; each further one has twice as many, in a VGG at most eight times as many."""
    after: tuple[int, ...]
    """Units, counted from 1, that an exit stands behind; the last exit is not among them."""
    stem_stride: int
    dropout: float

    @property
    def stages(self) -> tuple[int, ...]:
        """The stage of each unit, from 0."""
        return tuple(stage for stage, count in enumerate(self.layers) for _ in range(count))

    def channels(self, stage: int) -> int:
        """Return the channels of a stage's maps."""
        times = 1 << stage
        return self.width * (min(times, MOST_OF_VGG) if self.backbone == "vgg" else times)

    @property
    def segments(self) -> tuple[range, ...]:
        """The units of each block, from 0: a block ends where an exit stands."""
        ends = (*self.after, sum(self.layers))
        return tuple(range(start, end) for start, end in zip((0, *ends), ends, strict=False))

    def side(self, stage: int, side: int, whole: bool = True) -> int:
        """Return the side of a stage's maps for images of a side; `whole`: behind its last unit.

        The stages of a VGG end with a pooling that halves and rounds down; others begin with a stride of 2, which
        rounds up.
        """
        if self.backbone == "vgg":
            return side >> (stage + whole)
        for _ in range(stage + (self.stem_stride == 2)):
            side = -(-side // 2)
        return side

    def sides(self, side: int) -> tuple[int, ...]:
        """Return the side of the maps behind each unit."""
        stages = self.stages
        ends = [following != stage for stage, following in zip(stages, (*stages[1:], -1), strict=True)]
        return tuple(self.side(stage, side, end) for stage, end in zip(stages, ends, strict=True))


def places(backbone: Backbone, layers: tuple[int, ...], width: int) -> tuple[int, ...]:
    """Return the units, counted from 1, nearest to the paper's shares of the backbone's cost, but never the last.

    >>> places("resnet", (9, 9, 9), 16)
    (4, 8, 12, 16, 20, 24)
    >>> places("resnet", (1, 1, 1), 16)
    (1, 2)
    """
    reached = list(accumulate(unit_costs(backbone, layers, width)))
    nearest = [
        min(range(1, len(reached)), key=lambda unit: abs(reached[unit - 1] / reached[-1] - share), default=0)
        for share in SHARES
    ]
    return tuple(unit for unit in dict.fromkeys(nearest) if unit)


def unit_costs(backbone: Backbone, layers: Sequence[int], width: int) -> list[int]:
    """Return the multiply-adds of each unit's convolutions, on maps of 1x1 in the last stage and three-fold images."""
    layout = Layout(backbone, tuple(layers), width, (), 1, 0.0)
    stages = layout.stages
    costs, n_in = [], 3 if backbone == "vgg" else first_channels(backbone, width)
    for stage, before in zip(stages, (0, *stages), strict=False):
        n_out, area = layout.channels(stage), 4 ** (len(layers) - 1 - stage)
        halves = stage != before
        match backbone:
            case "vgg":
                costs.append(9 * n_in * n_out * area)
            case "mobilenet":
                costs.append((9 * n_in + n_in * n_out) * area)
            case _:
                first = area * (4 if halves and backbone == "wrn" else 1)  # where the second convolution has the stride
                shortcut = n_in * n_out * area if n_in != n_out else 0
                costs.append(9 * n_in * n_out * first + 9 * n_out * n_out * area + shortcut)
        n_in = n_out
    return costs


def first_channels(backbone: Backbone, width: int) -> int:
    """Return the channels of the first convolution of a backbone that has one before its units."""
    return {"wrn": FIRST_OF_WIDE, "mobilenet": max(width // 2, 1)}.get(backbone, width)
