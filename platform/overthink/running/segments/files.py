"""Files of segments: what writes one, and what computes with it again."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from overthink.networks.passage import Passage
from overthink.running.segments.trace import TracedSegment

Step = Callable[[Sequence[Tensor]], Sequence[Tensor]]
"""A segment: images or state -> logits and the next state."""


class SegmentFiles(ABC):
    """A format of files."""

    suffix: str

    @abstractmethod
    def check_installed(self) -> None:
        """Raise ValueError where a package that this format needs is not installed."""

    @abstractmethod
    def write(self, segment: TracedSegment, path: Path) -> None:
        """Write a segment; raises ValueError where the format cannot hold it."""

    @abstractmethod
    def read(self, path: Path) -> Step:
        """Return the segment of a file that this process has written."""


class SegmentPassage(Passage):
    """By segments read from files, on the CPU."""

    def __init__(self, steps: Sequence[Step], images_BKHW: Tensor) -> None:
        self._steps = iter(steps)
        self._state: Sequence[Tensor] = (images_BKHW,)

    def next_logits(self) -> Tensor:
        """Return logits_MC of the next exit."""
        logits_MC, *self._state = next(self._steps)(self._state)
        return logits_MC

    def keep(self, rows_M: Tensor) -> None:
        """Let all but these rows of the samples leave."""
        self._state = [torch.index_select(tensor, 0, rows_M) for tensor in self._state]
