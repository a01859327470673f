"""The course of a training: which exits were right about each sample, and how confident, after each recorded epoch."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overthink.predictions.arrays import BoolArray, IntArray, check_type

ByteArray = NDArray[np.uint8]
COURSE_FILE = "course.parquet"
"""File in a run's folder, and, in `predictions`, artifact of the run."""


class Moment(NamedTuple):
    """When the network was asked."""

    epoch: float
    """Epochs done, over all phases; not whole between two epochs."""
    step: int
    """Training steps done, over all phases."""
    phase: int
    """Counted from 1."""
    lr: float
    """Learning rate of the last step."""


@dataclass(frozen=True)
class Course:
    """What a training knew, sample by sample, at T moments; raises ValueError for arrays that do not fit."""

    split: str
    fingerprint: str
    """Of what was trained: run and data."""
    moments: tuple[Moment, ...]
    ids_N: IntArray
    labels_N: IntArray
    correct_TEN: BoolArray
    confidence_TEN: ByteArray
    """Largest softmax probability, from 0 to 255: 255 p, rounded."""

    def __post_init__(self) -> None:
        n_moments, n_samples = len(self.moments), len(self.ids_N)
        n_exits = self.correct_TEN.shape[1] if self.correct_TEN.ndim == 3 else 0
        check_type("ids_N", self.ids_N, np.int64, (n_samples,))
        check_type("labels_N", self.labels_N, np.int64, (n_samples,))
        check_type("correct_TEN", self.correct_TEN, np.bool_, (n_moments, n_exits, n_samples))
        check_type("confidence_TEN", self.confidence_TEN, np.uint8, (n_moments, n_exits, n_samples))
        if len(np.unique(self.ids_N)) < n_samples:
            raise ValueError("ids_N must differ from each other")
        steps = [moment.step for moment in self.moments]
        if steps != sorted({*steps}):
            raise ValueError("moments must follow each other")

    @property
    def n_exits(self) -> int:
        """Number of exits."""
        return int(self.correct_TEN.shape[1])
