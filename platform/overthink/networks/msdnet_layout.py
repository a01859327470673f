"""The layers of a Multi-Scale Dense Network in numbers of channels: computed by its specification, read to build it.

Tuples over scales hold the finest scale first. This module imports no torch, so that definitions load without it.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class PathPlan:
    """An optional 1x1 convolution to `width` channels, and a 3x3 convolution."""

    channels_in: int
    width: int | None
    """None: no 1x1 convolution."""
    channels_out: int


@dataclass(frozen=True)
class LayerPlan:
    """A layer: what it adds to each scale that it keeps."""

    dropped: int
    """Number of scales that come in and do not go out, the finest ones."""
    down: tuple[PathPlan, ...]
    """From the next finer scale to each kept scale that has one."""
    normal: tuple[PathPlan, ...]
    """From each kept scale to itself."""
    grown: tuple[int, ...]
    """Channels of each kept scale with the new ones."""
    transition: tuple[int, ...] | None
    """Channels that a transition leaves of them; None: there is no transition."""

    @property
    def channels_out(self) -> tuple[int, ...]:
        """Channels of each kept scale at the end."""
        return self.grown if self.transition is None else self.transition


@dataclass(frozen=True)
class MSDNetLayout:
    """A whole network."""

    stem: Literal["small", "imagenet"]
    channels: tuple[int, ...]
    """Channels of every scale after the first layer."""
    blocks: tuple[tuple[LayerPlan, ...], ...]
    """The layers of each block."""
    head_channels: int
    init: Literal["torch", "he"]
