"""Handwritten digits of 20x20 pixels: a sample of MNIST that ships with the package, or all of MNIST."""

import hashlib
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from overthink.data.files import check_file, mend
from overthink.settings import home_folder

Source = Literal["mnist", "embedded"]
Part = Literal["train", "test"]
PARTS: tuple[Part, Part] = ("train", "test")
SIDE = 20
"""Pixels. MNIST's digits were scaled to fit a 20x20 box before they were centred in 28x28 by their mass."""

EMBEDDED = Path(__file__).parent / "embedded" / "digits.npz"
EMBEDDED_SHA256 = "c10e2e503338ad9c480aae9db7e5a43e9eba4516da7d87c005cd0b07b749bee0"

MNIST_FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""File -> md5 of its unpacked contents, as published."""
IDX_OF_BYTES = b"\0\0\x08"
"""First bytes of an idx file of unsigned bytes; the number of dimensions follows."""


@dataclass(frozen=True)
class Digits:
    """Images (N, 20, 20) uint8, their digits 0..9, and their row numbers in MNIST's own file."""

    images_NHW: NDArray[np.uint8]
    labels_N: NDArray[np.int64]
    ids_N: NDArray[np.int64]


def default_root() -> Path:
    """Return the folder for data sets: OVERTHINK_DATA, else one in the user's cache; ValueError where neither is."""
    return Path(os.environ.get("OVERTHINK_DATA") or home_folder() / ".cache" / "overthink" / "data")


def load_digits(source: Source, part: Part, root: Path | None = None) -> Digits:
    """Return the training or the test digits of a source.

    Raises ValueError naming a file that is missing, truncated or has a wrong checksum.

    >>> load_digits("embedded", "test").images_NHW.shape
    (2000, 20, 20)
    """
    if source == "embedded":
        return _embedded(part)
    return read_mnist((root or default_root()) / "MNIST" / "raw", part)


def _embedded(part: Part) -> Digits:
    found = hashlib.sha256(EMBEDDED.read_bytes()).hexdigest() if EMBEDDED.is_file() else "nothing"
    if found != EMBEDDED_SHA256:
        raise ValueError(f"{EMBEDDED}: expected SHA-256 {EMBEDDED_SHA256}, found {found}; reinstall the package")
    with np.load(EMBEDDED, allow_pickle=False) as arrays:
        return Digits(
            arrays[f"{part}_images"], arrays[f"{part}_labels"].astype(np.int64), arrays[f"{part}_ids"].astype(np.int64)
        )


def read_mnist(folder: Path, part: Part) -> Digits:
    """Return MNIST's digits from its four unpacked files, each checked against its published md5."""
    prefix = "train" if part == "train" else "t10k"
    names = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
    images, labels = (read_idx(folder / name, MNIST_FILES[name]) for name in names)
    if len(images) != len(labels):
        raise ValueError(f"{folder}: {len(images)} images, but {len(labels)} labels")
    return Digits(ink_boxes(images), labels.astype(np.int64), np.arange(len(labels)))


def read_idx(path: Path, md5: str | None, source: str = "mnist") -> NDArray[np.uint8]:
    """Return the array of bytes in a file of the idx format (magic number, dimensions, data).

    Raises ValueError naming the file if it is missing, has another md5 (unless that is None), is not an idx file, or
    has not the length that its header gives.
    """
    check_file(path, md5, source)
    content = path.read_bytes()
    if content[:3] != IDX_OF_BYTES:
        raise ValueError(
            f"{path}: not an idx file of bytes; it begins with {content[:3].hex() or 'nothing'}; {mend(source)}"
        )
    dimensions = int.from_bytes(content[3:4])
    shape = tuple(int.from_bytes(content[4 * place : 4 * place + 4]) for place in range(1, dimensions + 1))
    header = 4 + 4 * dimensions
    if len(content) != header + math.prod(shape):
        raise ValueError(
            f"{path}: {len(content)} bytes, but its header gives {header + math.prod(shape)}; {mend(source)}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def ink_boxes(images_NHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the bounding box of each image's nonzero pixels, centred in 20x20, (N, 20, 20).

    An odd pixel of padding goes below or to the right. Raises ValueError if a bounding box is larger; none of MNIST's
    70,000 is.
    """
    top_N, height_N = _extent((images_NHW > 0).max(axis=2))
    left_N, width_N = _extent((images_NHW > 0).max(axis=1))
    if max(height_N.max(), width_N.max()) > SIDE:
        raise ValueError(f"an image has a digit of {height_N.max()}x{width_N.max()} pixels, more than {SIDE}x{SIDE}")
    border = SIDE // 2
    padded_NHW = np.pad(images_NHW, ((0, 0), (border, border), (border, border)))
    first_row_N = top_N + border - (SIDE - height_N) // 2
    first_column_N = left_N + border - (SIDE - width_N) // 2
    rows = first_row_N[:, None] + np.arange(SIDE)
    columns = first_column_N[:, None] + np.arange(SIDE)
    sample_N = np.arange(len(images_NHW))
    boxes_NHW: NDArray[np.uint8] = padded_NHW[sample_N[:, None, None], rows[:, :, None], columns[:, None, :]]
    return boxes_NHW


def _extent(inked_NL: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first nonzero position along a side, and the length up to the last one; length 0 if there is none."""
    first_N = inked_NL.argmax(axis=1)
    last_N = inked_NL.shape[1] - 1 - inked_NL[:, ::-1].argmax(axis=1)
    return first_N, np.where(inked_NL.any(axis=1), last_N - first_N + 1, 0)


def mnist_is_here(root: Path) -> bool:
    """Return whether all four files exist in a folder; their contents are checked when they are read."""
    return all((root / "MNIST" / "raw" / name).is_file() for name in MNIST_FILES)


def get_mnist(root: Path) -> None:
    """Download MNIST to a folder through torchvision unless it is there, and check it.

    Raises OSError if the download fails, ValueError naming a damaged file.
    """
    if not mnist_is_here(root):
        download_idx("MNIST", root)
    for part in PARTS:
        read_mnist(root / "MNIST" / "raw", part)


def download_idx(name: Literal["MNIST", "FashionMNIST"], root: Path) -> None:
    """Download the missing files of one of torchvision's data sets of idx files; raises OSError if that fails."""
    from torchvision import datasets

    root.mkdir(parents=True, exist_ok=True)
    try:
        getattr(datasets, name)(str(root), download=True)
    except RuntimeError as error:  # torchvision raises it for unreachable mirrors and wrong checksums
        reason = " ".join(str(error).split())
        raise OSError(f"{name} could not be downloaded to {root / name / 'raw'}: {reason}") from error
