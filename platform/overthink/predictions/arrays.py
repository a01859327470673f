"""Array types, and checks that raise a one-sentence ValueError for arrays that do not fit."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from overthink.predictions.absent import CostUnit

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
LogitArray = NDArray[np.float32]
CostArray = NDArray[np.int64 | np.float64]
MOST_EXITS = 100
MOST_CLASSES = 1_000_000
MOST_COST = 10**15


def integers(name: str, values: ArrayLike) -> IntArray:
    """Return the values as int64; raises ValueError if they are not integers."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, got {array.dtype}")
    return array.astype(np.int64)


def check_type(name: str, values: NDArray[np.generic], dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    """Raise ValueError unless the array has this type and shape, and at least one value."""
    if values.dtype != dtype or values.shape != shape or not values.size:
        expected = f"{np.dtype(dtype)} of shape {shape}, at least one value"
        raise ValueError(f"{name} must be {expected}, got {values.dtype} of shape {values.shape}")


def check_range(name: str, values: CostArray, low: float, high: float) -> None:
    """Raise ValueError unless every value is between low and high, both included; NaN never is."""
    fits = (values >= low) & (values <= high)
    if not fits.all():
        raise ValueError(f"{name} must lie between {low:g} and {high:g}, got {values[~fits][0]}")


def check_logits(logits_ENC: LogitArray, n_samples: int) -> None:
    """Raise ValueError unless these are finite float32 logits of at least 1 exit, 1 sample and 2 classes."""
    dtype, shape = logits_ENC.dtype, logits_ENC.shape
    if dtype != np.float32 or len(shape) != 3 or shape[1] != n_samples or not logits_ENC.size or shape[2] < 2:
        expected = f"float32 of shape (at least 1 exit, {n_samples} samples, at least 2 classes)"
        raise ValueError(f"logits_ENC must be {expected}, got {dtype} of shape {shape}")
    if not np.isfinite(logits_ENC).all():
        where = tuple(np.argwhere(~np.isfinite(logits_ENC))[0])
        exit, row, _ = where
        raise ValueError(f"logits_ENC must be finite, got {logits_ENC[where]} at exit {exit + 1}, row {row + 1}")


def costs(values: ArrayLike, unit: CostUnit) -> CostArray:
    """Return costs as an array: MUL-ADDs as int64, others as float64; raises ValueError for MUL-ADDs not integer."""
    return integers("cost_E", values) if unit == "MUL-ADDs" else np.asarray(values, dtype=np.float64)


def check_costs(cost_E: CostArray, n_exits: int, unit: CostUnit) -> None:
    """Raise ValueError unless these are costs above 0, of each exit, that grow from exit to exit."""
    check_type("cost_E", cost_E, np.int64 if unit == "MUL-ADDs" else np.float64, (n_exits,))
    check_range("cost_E", cost_E, 1 if unit == "MUL-ADDs" else float(np.nextafter(0, 1)), MOST_COST)
    if (np.diff(cost_E) <= 0).any():
        raise ValueError(f"cost_E is cumulative and must grow from exit to exit, got {cost_E.tolist()}")
    if unit == "relative" and cost_E[-1] != 1:
        raise ValueError(f"cost_E relative to the last exit must end with 1, got {cost_E.tolist()}")


def check_known(predicted_EN: IntArray | None, labels_N: IntArray | None, correct_EN: BoolArray | None) -> None:
    """Raise ValueError unless exactly one thing tells which exits are right."""
    told = predicted_EN is not None and labels_N is not None
    if told == (correct_EN is not None):
        raise ValueError(
            "which exits are right must be known either from labels and predicted classes, or as given_correct_EN"
        )
