"""Which exits are right: all that rates of accuracy and overthinking need of predictions, and little to read."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, IntArray, check_range
from overthink.predictions.file import read_file


class Correctness(NamedTuple):
    """Of one network and the samples of one split."""

    ids_N: IntArray
    labels_N: IntArray
    correct_EN: BoolArray

    def is_of_same_samples(self, other: "Correctness") -> bool:
        """Return whether another network was asked about the same samples, with the same labels."""
        return np.array_equal(self.ids_N, other.ids_N) and np.array_equal(self.labels_N, other.labels_N)


def read_correctness(path: Path) -> Correctness:
    """Read which exits are right from a file of predictions; its other columns are not read.

    Raises ValueError, in one clause without the file's name, if it is not such a file.
    """
    header, columns = read_file(path, only=("sample_id", "label", "prediction"))
    predicted_EN = np.stack([columns[f"exit_{number + 1}_prediction"] for number in range(len(header.cost))])
    check_range("sample ids", columns["sample_id"], 0, np.inf)
    return Correctness(columns["sample_id"], columns["label"], predicted_EN == columns["label"])
