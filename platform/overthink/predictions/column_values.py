"""What a file's columns say of exits and samples, as arrays: checked, and None where there are no such columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overthink.predictions.arrays import MOST_EXITS, BoolArray, FloatArray, IntArray
from overthink.predictions.columns import Columns, as_integers, as_numbers
from overthink.untrusted import name_of, one_line

SUM_TOLERANCE = 1e-3
"""By which probabilities of a sample may miss 1: files have few decimals."""
ROUNDING = 1e-6
MOST_LEVELS = 100
LEAST_PROBABILITY = 1e-38
"""Log of 0 is no number; this is as good as 0 in float32."""


def logits(columns: Columns, n_samples: int | None) -> NDArray[np.float32] | None:
    """Return (E, N, C): logits, or logarithms of probabilities; raises ValueError for what are no probabilities."""
    if "logits" in columns:
        values_ENC = as_numbers(columns.per_exit("logits", n_samples), "logits")
        wrong_ENC = ~(np.abs(values_ENC) <= np.finfo(np.float32).max)
        if wrong_ENC.any():
            exit, row, number = np.argwhere(wrong_ENC)[0]
            raise ValueError(
                f"logits must be finite float32 numbers, got {values_ENC[exit, row, number]:g} at exit {exit + 1}, "
                f"row {row + 1} (column {columns.column('logits', int(exit))!r})"
            )
        return values_ENC.astype(np.float32)
    if "probabilities" not in columns:
        return None
    values_ENC = as_numbers(columns.per_exit("probabilities", n_samples), "probabilities")
    wrong_EN = (values_ENC < 0).any(axis=2) | (np.abs(values_ENC.sum(axis=2) - 1) > SUM_TOLERANCE)
    if wrong_EN.any():
        exit, row = np.argwhere(wrong_EN)[0]
        total = values_ENC[exit, row].sum()
        raise ValueError(
            f"probabilities must be at least 0 and sum to 1, but sum to {total:.6g} at exit {exit + 1}, row {row + 1} "
            f"(column {columns.column('probabilities', int(exit))!r})"
        )
    return np.log(np.maximum(values_ENC, LEAST_PROBABILITY)).astype(np.float32)


def classes(columns: Columns, n_samples: int | None) -> IntArray | None:
    """Return (E, N): the predicted classes."""
    if "prediction" not in columns:
        return None
    return as_integers(columns.per_exit("prediction", n_samples), "predicted classes (--prediction)")


def confidence(columns: Columns, n_samples: int | None) -> FloatArray | None:
    """Return (E, N), fractions; raises ValueError for what lies outside of 0 to 1."""
    if "confidence" not in columns:
        return None
    sure_EN = as_numbers(columns.per_exit("confidence", n_samples), "confidences (--confidence)")
    wrong_EN = (sure_EN < -ROUNDING) | (sure_EN > 1 + ROUNDING)
    if wrong_EN.any():
        exit, row = np.argwhere(wrong_EN)[0]
        raise ValueError(
            f"confidences must lie between 0 and 1, got {sure_EN[exit, row]:g} in column "
            f"{columns.column('confidence', int(exit))!r}, row {row + 1}"
        )
    return np.clip(sure_EN, 0, 1)


def correct(columns: Columns, n_samples: int | None) -> BoolArray | None:
    """Return (E, N): whether each exit is right; raises ValueError for other numbers than 0 and 1."""
    if "correct" not in columns:
        return None
    given_EN = columns.per_exit("correct", n_samples)
    if given_EN.dtype.kind == "b":
        return given_EN.astype(np.bool_)
    wrong_EN = ~np.isin(given_EN, (0, 1)) if given_EN.dtype.kind in "iuf" else np.ones(given_EN.shape, dtype=bool)
    if wrong_EN.any():
        exit, row = np.argwhere(wrong_EN)[0]
        raise ValueError(
            f"correctness must be 0 or 1, got {one_line(str(given_EN[exit, row]))[:40]} in column "
            f"{columns.column('correct', int(exit))!r}, row {row + 1}"
        )
    return given_EN.astype(np.bool_)


def labels(columns: Columns) -> IntArray:
    """Return (N,): the labels."""
    return as_integers(columns.per_sample("label"), "labels (--label)")


def levels(columns: Columns, samples: int) -> tuple[IntArray, tuple[str, ...]]:
    """Return (N,): the place of each sample's level in their names, and the names; without a column, one level."""
    if "level" not in columns:
        return np.zeros(samples, dtype=np.int64), ()
    names, levels_N = np.unique(columns.per_sample("level"), return_inverse=True)
    if len(names) > MOST_LEVELS:
        raise ValueError(f"--level: {len(names):,} different levels, more than {MOST_LEVELS}")
    return levels_N.astype(np.int64), tuple(name_of(str(name)) for name in names.tolist())


def check_shapes(known: Sequence[NDArray[Any]], shape: tuple[int, int], labels_N: IntArray | None) -> None:
    """Raise ValueError where arrays (E, N, ...) do not have one shape, or too many exits, or labels are not as many."""
    if any(one.shape[:2] != shape for one in known):
        raise ValueError(f"its columns have different shapes (E, N): {', '.join(str(one.shape[:2]) for one in known)}")
    if shape[1] == 0:
        raise ValueError("it has no sample")
    if shape[0] > MOST_EXITS:
        raise ValueError(f"it has {shape[0]:,} exits, more than {MOST_EXITS}")
    if labels_N is not None and len(labels_N) != shape[1]:
        raise ValueError(f"it has {shape[1]:,} samples, but there are {len(labels_N):,} labels")


def check_same(one_EN: NDArray[Any], other_EN: NDArray[Any] | None, of_one: str, of_other: str) -> None:
    """Raise ValueError where two sources (E, N) contradict each other."""
    differs_EN = one_EN != other_EN
    if differs_EN.any():
        exit, row = np.argwhere(differs_EN)[0]
        raise ValueError(
            f"its {of_one} and {of_other} contradict each other for {differs_EN.sum():,} of {differs_EN.size:,} "
            f"answers, first at exit {exit + 1}, row {row + 1}"
        )
