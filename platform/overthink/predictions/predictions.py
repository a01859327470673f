"""Predictions: what a run stores per sample and exit; all metrics, tables and figures are computed from them."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from overthink.predictions.absent import CostUnit, Known
from overthink.predictions.arrays import (
    MOST_CLASSES,
    BoolArray,
    CostArray,
    FloatArray,
    IntArray,
    LogitArray,
    check_costs,
    check_known,
    check_logits,
    check_range,
    check_type,
    costs,
    integers,
)
from overthink.predictions.softmax import LARGEST_RATIO, entropy, l1_distance, max_softmax, top2_ratio

if TYPE_CHECKING:  # it imports pyarrow, which definitions do not need
    from overthink.predictions.file import Columns, Header

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


class Exits(NamedTuple):
    """The exits of a network: how many, at which costs."""

    number: int
    costs: tuple[float, ...] | None
    unit: CostUnit


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of every exit of one network for every sample of one split.

    A network trained elsewhere may have left less behind: what is not known is None. Which exits are right is always
    known: from labels and predicted classes, or as `given_correct_EN`.

    Raises ValueError if shapes, types or values are inconsistent, or if there is no exit or no sample.
    """

    ids_N: IntArray
    """Sample ids, unique, at least 0."""
    labels_N: IntArray | None
    levels_N: IntArray
    """Difficulty level of each sample, an index into level_names; zeros without levels."""
    level_names: tuple[str, ...]
    predicted_EN: IntArray | None
    """The class with the highest logit; the lowest class of equal ones."""
    max_softmax_EN: FloatArray | None
    entropy_EN: FloatArray | None
    """Entropy of the softmax, in nats: low for a confident exit."""
    top2_ratio_EN: FloatArray | None
    """Highest over second highest softmax value, at most softmax.LARGEST_RATIO."""
    confusion_EN: FloatArray | None
    """L1 distance of each exit's softmax to the last exit's, in [0, 2]; 0 for the last (Kaya et al. 2019)."""
    logits_ENC: LogitArray | None
    cost_E: CostArray | None
    """Per sample, cumulative up to and including an exit: MUL-ADDs are int64, costs in other units float64."""
    fingerprint: str
    """Identifies the run and the data that the predictions were made with."""
    split: str
    """One of SPLITS."""
    given_correct_EN: BoolArray | None = None
    """Whether each exit is right, where labels or predicted classes are not known to tell it; None otherwise."""
    cost_unit: CostUnit = "MUL-ADDs"

    def __post_init__(self) -> None:
        check_known(self.predicted_EN, self.labels_N, self.given_correct_EN)
        shapes = {"_N": (len(self.ids_N),), "_EN": (self.n_exits, len(self.ids_N))}
        if self.cost_E is not None:
            check_costs(self.cost_E, self.n_exits, self.cost_unit)
        for array, _, dtype, low, high in PER_SAMPLE + PER_EXIT:
            if (values := getattr(self, array)) is not None:
                check_type(array, values, dtype, shapes["_EN" if array.endswith("_EN") else "_N"])
                check_range(array, values, low, high)
        if self.given_correct_EN is not None:
            check_type("given_correct_EN", self.given_correct_EN, np.bool_, shapes["_EN"])
        if self.logits_ENC is not None:
            self._check_logits(self.logits_ENC)
        self._check_meaning()

    def _check_logits(self, logits_ENC: LogitArray) -> None:
        check_logits(logits_ENC, len(self.ids_N))
        check_type("logits_ENC", logits_ENC, np.float32, (self.n_exits, *logits_ENC.shape[1:]))
        for name, classes in (("labels_N", self.labels_N), ("predicted_EN", self.predicted_EN)):
            if classes is not None:
                check_range(name, classes, 0, logits_ENC.shape[2] - 1)

    def _check_meaning(self) -> None:
        if len(np.unique(self.ids_N)) < len(self.ids_N):
            raise ValueError("ids_N must name each sample once, but an id is repeated")
        if self.confusion_EN is not None and self.confusion_EN[-1].any():
            raise ValueError(f"confusion_EN of the last exit must be 0, got {self.confusion_EN[-1].max()}")
        if len(set(self.level_names)) < len(self.level_names) or "" in self.level_names:
            raise ValueError(f"level_names must differ and not be empty, got {self.level_names}")
        check_range("levels_N", self.levels_N, 0, max(len(self.level_names) - 1, 0))
        if self.split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {self.split!r}")

    @property
    def n_exits(self) -> int:
        """E, the number of exits."""
        if self.cost_E is not None:
            return len(self.cost_E)
        known_EN = self.predicted_EN if self.given_correct_EN is None else self.given_correct_EN
        assert known_EN is not None
        return len(known_EN)

    @property
    def correct_EN(self) -> BoolArray:  # noqa: N802 - named like the arrays it stands beside
        """Whether each exit classifies each sample correctly, (E, N)."""
        if self.given_correct_EN is not None:
            return self.given_correct_EN
        assert self.predicted_EN is not None
        assert self.labels_N is not None
        return np.equal(self.predicted_EN, self.labels_N)

    @property
    def mul_adds_E(self) -> IntArray | None:  # noqa: N802
        """Costs in MUL-ADDs, (E,); None where they are not known, or are in another unit."""
        return self.cost_E.astype(np.int64) if self.cost_E is not None and self.cost_unit == "MUL-ADDs" else None

    @property
    def exits(self) -> "Exits":
        """What networks have in common that differ in their seeds alone."""
        return Exits(self.n_exits, None if self.cost_E is None else tuple(self.cost_E.tolist()), self.cost_unit)

    @property
    def absent(self) -> tuple[Known, ...]:
        """What is not known of this network and split."""
        arrays = {"labels": self.labels_N, "classes": self.predicted_EN, "confidence": self.max_softmax_EN}
        arrays |= {"entropy": self.entropy_EN, "top2_ratio": self.top2_ratio_EN, "confusion": self.confusion_EN}
        known = {**arrays, "logits": self.logits_ENC, "costs": self.cost_E, "MUL-ADDs": self.mul_adds_E}
        return tuple(name for name in get_args(Known) if known[name] is None)

    @classmethod
    def from_logits(
        cls,
        logits_ENC: ArrayLike,
        labels_N: ArrayLike,
        ids_N: ArrayLike,
        levels_N: ArrayLike,
        level_names: tuple[str, ...],
        cost_E: ArrayLike | None,
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
        check_logits(logits_ENC, len(labels_N))
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
            cost_E=None if cost_E is None else integers("cost_E", cost_E),
            fingerprint=fingerprint,
            split=split,
        )

    def write(self, path: Path) -> None:
        """Write one Parquet file (see `predictions.file`) atomically; equal content gives equal bytes."""
        from overthink.predictions.file import write_file

        write_file(path, self._header(), {name: values for name, values in self._columns() if values is not None})

    def _header(self) -> "Header":
        from overthink.predictions.file import Header

        mul_adds_E = self.mul_adds_E
        head = Header(
            format_version=1 if mul_adds_E is not None else 2,
            split=self.split,
            cost=None if mul_adds_E is None else tuple(mul_adds_E.tolist()),
            level_names=self.level_names,
            fingerprint=self.fingerprint,
            exits=None if mul_adds_E is not None else self.n_exits,
        )
        if set(self.absent) <= {"logits"}:  # as all versions have written it, and can read it
            return head
        of_version_2: dict[str, Any] = {"format_version": 2, "exits": self.n_exits}
        if self.cost_E is not None and mul_adds_E is None:
            of_version_2 |= {"other_cost": tuple(self.cost_E.tolist()), "other_unit": self.cost_unit}
        return head.model_copy(update=of_version_2)

    def _columns(self) -> Iterator[tuple[str, NDArray[Any] | None]]:
        yield from ((field.column, getattr(self, field.array)) for field in PER_SAMPLE)
        per_exit = [(field.column, getattr(self, field.array)) for field in PER_EXIT]
        correct_EN = None if self.given_correct_EN is None else self.given_correct_EN.astype(np.uint8)
        for row, number in enumerate(range(1, self.n_exits + 1)):
            for name, values in (*per_exit, ("correct", correct_EN), ("logits", self.logits_ENC)):
                yield f"exit_{number}_{name}", None if values is None else values[row]

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
        from overthink.predictions.file import read_file

        return cls._from_file(*read_file(path))

    @classmethod
    def _from_file(cls, header: "Header", columns: "Columns") -> Self:
        def per_exit(name: str) -> NDArray[Any] | None:
            numbers = range(1, header.n_exits + 1)
            return np.stack([columns[f"exit_{number}_{name}"] for number in numbers]) if has(name) else None

        def has(name: str) -> bool:
            return f"exit_1_{name}" in columns

        arrays = {field.array: columns.get(field.column) for field in PER_SAMPLE}
        arrays |= {field.array: per_exit(field.column) for field in PER_EXIT}
        correct_EN = per_exit("correct")
        cost, unit = header.costs
        return cls(
            **arrays,  # type: ignore[arg-type]
            logits_ENC=per_exit("logits"),
            level_names=header.level_names,
            cost_E=None if cost is None else costs(cost, unit),
            fingerprint=header.fingerprint,
            split=header.split,
            given_correct_EN=None if correct_EN is None else correct_EN.astype(np.bool_),
            cost_unit=unit,
        )
