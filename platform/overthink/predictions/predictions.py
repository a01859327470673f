"""Predictions: what a run stores per sample and exit; all metrics, tables and figures are computed from them."""

from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from overthink.predictions.arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    LogitArray,
    check_logits,
    check_range,
    check_type,
    integers,
)
from overthink.predictions.bounds import MOST_CLASSES
from overthink.predictions.file import Columns, Header, read_file, write_file
from overthink.predictions.softmax import LARGEST_RATIO, entropy, l1_distance, max_softmax, top2_ratio

SPLITS = ("train", "val", "test", "everything")
"""`everything` exists for policy networks only: all test samples of the main network, unlabelled ones included."""
MOST_INT = int(np.iinfo(np.int64).max)
LARGEST_ENTROPY = log(MOST_CLASSES) + 1e-6


class _Field(NamedTuple):
    """An array of Predictions, its column in a file, its type, and its lowest and highest value."""

    array: str
    column: str
    dtype: type[np.int64 | np.float64]
    low: float
    high: float


PER_SAMPLE = (
    _Field("ids_N", "sample_id", np.int64, 0, MOST_INT),
    _Field("labels_N", "label", np.int64, 0, MOST_CLASSES - 1),
    _Field("levels_N", "level", np.int64, 0, MOST_INT),
)
PER_EXIT = (
    _Field("predicted_EN", "prediction", np.int64, 0, MOST_CLASSES - 1),
    _Field("max_softmax_EN", "max_softmax", np.float64, 0, 1),
    _Field("entropy_EN", "entropy", np.float64, 0, LARGEST_ENTROPY),
    _Field("top2_ratio_EN", "top2_ratio", np.float64, 1, LARGEST_RATIO),
    _Field("confusion_EN", "confusion", np.float64, 0, 2),
)


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of every exit of one network for every sample of one split.

    Raises ValueError if shapes, types or values are inconsistent, or if there is no exit or no sample.
    """

    ids_N: IntArray
    """Sample ids, unique, at least 0."""
    labels_N: IntArray
    levels_N: IntArray
    """Difficulty level of each sample, an index into level_names; zeros without levels."""
    level_names: tuple[str, ...]
    predicted_EN: IntArray
    """The class with the highest logit; the lowest class of equal ones."""
    max_softmax_EN: FloatArray
    entropy_EN: FloatArray
    """Entropy of the softmax, in nats: low for a confident exit."""
    top2_ratio_EN: FloatArray
    """Highest over second highest softmax value, at most softmax.LARGEST_RATIO."""
    confusion_EN: FloatArray
    """L1 distance of each exit's softmax to the last exit's, in [0, 2]; 0 for the last (Kaya et al. 2019)."""
    logits_ENC: LogitArray | None
    cost_E: IntArray
    """MUL-ADDs per sample, cumulative up to and including an exit."""
    fingerprint: str
    """Identifies the run and the data that the predictions were made with."""
    split: str
    """One of SPLITS."""

    def __post_init__(self) -> None:
        n_exits, n_samples = len(self.cost_E), len(self.ids_N)
        check_type("cost_E", self.cost_E, np.int64, (n_exits,))
        check_range("cost_E", self.cost_E, 1, MOST_INT)
        for array, _, dtype, low, high in PER_SAMPLE + PER_EXIT:
            shape = (n_exits, n_samples) if array.endswith("_EN") else (n_samples,)
            check_type(array, getattr(self, array), dtype, shape)
            check_range(array, getattr(self, array), low, high)
        if self.logits_ENC is not None:
            check_logits("logits_ENC", self.logits_ENC, n_samples)
            check_type("logits_ENC", self.logits_ENC, np.float32, (n_exits, *self.logits_ENC.shape[1:]))
            check_range("labels_N", self.labels_N, 0, self.logits_ENC.shape[2] - 1)
            check_range("predicted_EN", self.predicted_EN, 0, self.logits_ENC.shape[2] - 1)
        self._check_meaning()

    def _check_meaning(self) -> None:
        if (np.diff(self.cost_E) <= 0).any():
            raise ValueError(f"cost_E is cumulative and must grow from exit to exit, got {self.cost_E.tolist()}")
        if len(np.unique(self.ids_N)) < len(self.ids_N):
            raise ValueError("ids_N must name each sample once, but an id is repeated")
        if self.confusion_EN[-1].any():
            raise ValueError(f"confusion_EN of the last exit must be 0, got {self.confusion_EN[-1].max()}")
        if len(set(self.level_names)) < len(self.level_names) or "" in self.level_names:
            raise ValueError(f"level_names must differ and not be empty, got {self.level_names}")
        check_range("levels_N", self.levels_N, 0, max(len(self.level_names) - 1, 0))
        if self.split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {self.split!r}")

    @property
    def n_exits(self) -> int:
        """E, the number of exits."""
        return len(self.cost_E)

    @property
    def correct_EN(self) -> BoolArray:  # noqa: N802 - named like the arrays it stands beside
        """Whether each exit classifies each sample correctly, (E, N)."""
        return np.equal(self.predicted_EN, self.labels_N)

    @classmethod
    def from_logits(
        cls,
        logits_ENC: ArrayLike,
        labels_N: ArrayLike,
        ids_N: ArrayLike,
        levels_N: ArrayLike,
        level_names: tuple[str, ...],
        cost_E: ArrayLike,
        fingerprint: str,
        split: str,
        keep_logits: bool,
    ) -> Self:
        """Return predictions from the logits of every exit, converted to float32 and stored if `keep_logits`.

        Raises ValueError naming the array and the offending value, for example a logit that is not finite.

        >>> predictions = Predictions.from_logits(
        ...     logits_ENC=[[[2.0, 0.0]], [[0.0, 1.0]]], labels_N=[0], ids_N=[7], levels_N=[0], level_names=(),
        ...     cost_E=[100, 250], fingerprint="example", split="test", keep_logits=False)
        >>> predictions.predicted_EN.tolist(), predictions.correct_EN.tolist()
        ([[0], [1]], [[True], [False]])
        """
        with np.errstate(over="ignore"):
            logits_ENC = np.asarray(logits_ENC, dtype=np.float32)
        labels_N = integers("labels_N", labels_N)
        check_logits("logits_ENC", logits_ENC, len(labels_N))
        check_range("labels_N", labels_N, 0, logits_ENC.shape[2] - 1)
        distances = [l1_distance(logits_NC, logits_ENC[-1]) for logits_NC in logits_ENC[:-1]]
        return cls(
            ids_N=integers("ids_N", ids_N),
            labels_N=labels_N,
            levels_N=integers("levels_N", levels_N),
            level_names=tuple(level_names),
            predicted_EN=logits_ENC.argmax(axis=2).astype(np.int64),
            max_softmax_EN=np.stack([max_softmax(logits_NC) for logits_NC in logits_ENC]),
            entropy_EN=np.stack([entropy(logits_NC) for logits_NC in logits_ENC]),
            top2_ratio_EN=np.stack([top2_ratio(logits_NC) for logits_NC in logits_ENC]),
            confusion_EN=np.stack([*distances, np.zeros(len(labels_N))]),
            logits_ENC=logits_ENC if keep_logits else None,
            cost_E=integers("cost_E", cost_E),
            fingerprint=fingerprint,
            split=split,
        )

    def write(self, path: Path) -> None:
        """Write one Parquet file (see `predictions.file`) atomically; equal content gives equal bytes."""
        columns: dict[str, NDArray[Any]] = {field.column: getattr(self, field.array) for field in PER_SAMPLE}
        for row, number in enumerate(range(1, self.n_exits + 1)):
            for field in PER_EXIT:
                columns[f"exit_{number}_{field.column}"] = getattr(self, field.array)[row]
            if self.logits_ENC is not None:
                columns[f"exit_{number}_logits"] = self.logits_ENC[row]
        header = Header(
            format_version=1,
            split=self.split,
            cost=tuple(self.cost_E.tolist()),
            level_names=self.level_names,
            fingerprint=self.fingerprint,
        )
        write_file(path, header, columns)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that `write` wrote, bit for bit, and validate all of it.

        Raises ValueError, in one sentence with the file's name, if anything is missing or inconsistent.
        """
        try:
            return cls.read_content(path)
        except ValueError as error:
            raise ValueError(f"{path} cannot be read as predictions: {error}") from error

    @classmethod
    def read_content(cls, path: Path) -> Self:
        """Read the same; a ValueError says what is wrong in one clause, without the file's name."""
        return cls._from_file(*read_file(path))

    @classmethod
    def _from_file(cls, header: Header, columns: Columns) -> Self:
        def per_exit(name: str) -> NDArray[Any]:
            return np.stack([columns[f"exit_{number + 1}_{name}"] for number in range(len(header.cost))])

        arrays = {field.array: columns[field.column] for field in PER_SAMPLE}
        arrays |= {field.array: per_exit(field.column) for field in PER_EXIT}
        return cls(
            **arrays,
            logits_ENC=per_exit("logits") if "exit_1_logits" in columns else None,
            level_names=header.level_names,
            cost_E=np.array(header.cost, dtype=np.int64),
            fingerprint=header.fingerprint,
            split=header.split,
        )
