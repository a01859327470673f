"""Accuracy of each exit, and any metric of `correct_EN` over the samples of one difficulty level."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray

T = TypeVar("T")


def accuracy(correct_EN: BoolArray) -> FloatArray:
    """Return the fraction of samples that each exit classifies correctly, (E,); correct_EN is bool (E, N).

    >>> import numpy as np
    >>> accuracy(np.array([[True, False, False, False], [True, True, True, False]])).tolist()
    [0.25, 0.75]
    """
    accuracy_E: FloatArray = correct_EN.mean(axis=1)
    return accuracy_E


def by_level(
    metric: Callable[[BoolArray], T], correct_EN: BoolArray, levels_N: IntArray, level_names: Sequence[str]
) -> dict[str, T]:
    """Return the metric over the samples of each level, by level name; levels without samples are left out.

    levels_N is int64 (N,), indices into level_names.

    >>> import numpy as np
    >>> correct_EN, levels_N = np.array([[True, False, False]]), np.array([0, 0, 2])
    >>> {level: accuracy_E.tolist() for level, accuracy_E in by_level(accuracy, correct_EN, levels_N, "abc").items()}
    {'a': [0.5], 'c': [0.0]}
    """
    of_level = {name: levels_N == level for level, name in enumerate(level_names)}
    return {name: metric(correct_EN[:, rows_N]) for name, rows_N in of_level.items() if rows_N.any()}
