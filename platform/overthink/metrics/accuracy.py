"""Accuracy of each exit, and any number of `correct_EN` over the samples of one difficulty level."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray

T = TypeVar("T")


def accuracy(correct_EN: BoolArray) -> FloatArray:
    """Return the fraction of samples that each exit gets right, (E,); correct_EN is bool (E, N)."""
    accuracy_E: FloatArray = correct_EN.mean(axis=1)
    return accuracy_E


def by_level(
    metric: Callable[[BoolArray], T], correct_EN: BoolArray, levels_N: IntArray, level_names: Sequence[str]
) -> dict[str, T]:
    """Return the metric over the samples of each level, by its name; levels without samples are left out.

    levels_N is int64 (N,), indices into level_names.
    """
    of_level = {name: levels_N == level for level, name in enumerate(level_names)}
    return {name: metric(correct_EN[:, rows_N]) for name, rows_N in of_level.items() if rows_N.any()}
