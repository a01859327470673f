"""Files of data sets: how a message names them; published ones are checked to be present, complete and unmodified."""

import hashlib
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from overthink.untrusted import reason


def shown(path: Path | str) -> str:
    r"""Return a path as text that every terminal, file and database takes: bytes that are not UTF-8 as `\xe9`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def check_file(path: Path, md5: str | None, source: str) -> None:
    """Raise ValueError naming the file unless it exists and, if `md5` is not None, has this md5.

    `source` is its name in `overthink data get`.
    """
    if not path.is_file():
        raise ValueError(
            f"{path}: no such file; download it with `overthink data get {source}`, or give its folder with --data-root"
        )
    if md5 is None:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, _md5).hexdigest()
    if found != md5:
        raise ValueError(f"{path}: expected md5 {md5}, found {found} ({path.stat().st_size} bytes); {mend(source)}")


def mend(source: str) -> str:
    """Return what to do about a damaged file, for a message."""
    return f"delete it and run `overthink data get {source}`"


def check_labels(labels_N: NDArray[np.int64], n_classes: int, where: str) -> None:
    """Raise ValueError unless labels are in 0..n_classes-1 and every class has a sample."""
    outside_M = labels_N[(labels_N < 0) | (labels_N >= n_classes)]
    if len(outside_M):
        raise ValueError(f"{where}: label {outside_M[0]} is not one of 0 to {n_classes - 1}")
    missing_C = np.flatnonzero(np.bincount(labels_N, minlength=n_classes) == 0)
    if len(missing_C):
        raise ValueError(f"{where}: {len(missing_C)} of {n_classes} classes have no image, the first is {missing_C[0]}")


def class_names(path: Path, n_classes: int) -> tuple[str, ...]:
    """Return class names from a text file, one per line; numbers if there is no such file."""
    if not path.is_file():
        return tuple(str(label) for label in range(n_classes))
    try:
        names = tuple(path.read_text(encoding="utf-8").split())
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: {reason(error)}") from None
    if len(names) != n_classes:
        raise ValueError(f"{path}: {len(names)} names, but there are {n_classes} classes")
    return names


def _md5() -> "hashlib._Hash":
    return hashlib.md5(usedforsecurity=False)
