"""The split of validation data from training data."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class ValidationSplit(NamedTuple):
    """Row numbers into the training data, each in ascending order."""

    train_N: NDArray[np.int64]
    validation_N: NDArray[np.int64]


def split_validation(n_samples: int, fraction: float, rng: np.random.Generator) -> ValidationSplit:
    """Split off a random fraction (0..1) of the training samples for validation (thesis section 4.2: 20%).

    Raises ValueError if either part would be empty.

    >>> split = split_validation(10, 0.2, np.random.default_rng(0))
    >>> len(split.train_N), len(split.validation_N)
    (8, 2)
    """
    n_validation = round(n_samples * fraction)
    if not 0 < n_validation < n_samples:
        raise ValueError(f"validation: {fraction} of {n_samples} training samples leaves one part empty")
    shuffled_N = rng.permutation(n_samples)
    return ValidationSplit(np.sort(shuffled_N[n_validation:]), np.sort(shuffled_N[:n_validation]))
