"""Which exits are right: all that rates of accuracy and overthinking need of predictions, and little to read."""

from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from overthink.predictions.arrays import BoolArray, IntArray, check_range


class Correctness(NamedTuple):
    """Of one network and the samples of one split."""

    ids_N: IntArray
    labels_N: IntArray | None
    """None where they are not known."""
    correct_EN: BoolArray

    def is_of_same_samples(self, other: "Correctness") -> bool:
        """Return whether another network was asked about the same samples, with the same labels."""
        return same_samples(self, other)


class Samples(Protocol):
    """What was asked of a network: Correctness, or Predictions."""

    @property
    def ids_N(self) -> IntArray:  # noqa: N802
        """Sample ids."""

    @property
    def labels_N(self) -> IntArray | None:  # noqa: N802
        """Labels, where they are known."""


def same_samples(one: Samples, other: Samples) -> bool:
    """Return whether two networks were asked about the same samples; labels count where both know them."""
    if one.labels_N is not None and other.labels_N is not None and not np.array_equal(one.labels_N, other.labels_N):
        return False
    return np.array_equal(one.ids_N, other.ids_N)


def read_correctness(path: Path) -> Correctness:
    """Read which exits are right from a file of predictions; its other columns are not read.

    Raises ValueError, in one clause without the file's name, if it is not such a file.
    """
    from overthink.predictions.file import read_file  # pyarrow, which definitions do not need

    header, columns = read_file(path, only=("sample_id", "label", "prediction", "correct"))
    ids_N, labels_N = columns["sample_id"], columns.get("label")
    check_range("sample ids", ids_N, 0, np.inf)

    def per_exit(name: str) -> IntArray:
        if any(f"exit_{number + 1}_{name}" not in columns for number in range(header.n_exits)):
            raise ValueError("it does not tell which exits are right")
        return np.stack([columns[f"exit_{number + 1}_{name}"] for number in range(header.n_exits)])

    if labels_N is not None and "exit_1_correct" not in columns:
        return Correctness(ids_N, labels_N, per_exit("prediction") == labels_N)
    return Correctness(ids_N, labels_N, per_exit("correct") != 0)
