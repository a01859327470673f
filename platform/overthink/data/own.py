"""Your own images without any code: a tree of folders, or arrays in an .npz file.

A relative path is relative to the data root, so that a definition is valid on every machine.
"""

import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from overthink.data.assembly import ImagesSpec, assembled, numbered
from overthink.data.augment import AugmentSpec
from overthink.data.dataset import Dataset, Split
from overthink.data.decoded import decode
from overthink.data.files import shown
from overthink.data.image_file import Size
from overthink.data.image_tree import MOST_NAMED, find_images
from overthink.data.overlap import overlap_notes
from overthink.data.shape import check_channels_first
from overthink.spec import WHOLE

PARTS = "train", "test"
UNREADABLE = (
    *(ValueError, TypeError, EOFError, OSError, RuntimeError, OverflowError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""RuntimeError: it is encrypted, or compressed by a method that Python does not have."""
Side = Annotated[int, Field(ge=1, le=1024)]
Classes = Annotated[int, Field(ge=2, le=100_000)]


def _check_names(path: str) -> str:
    longest = max((len(name.encode("utf-8", "surrogatepass")) for name in path.split("/")), default=0)
    if longest > 255:
        raise ValueError(f"a name of {longest} bytes; file systems have names of at most 255")
    return path


PathText = Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(_check_names)]


class OwnImagesSpec(ImagesSpec):
    """What the two kinds of own images have in common: where they are, how many classes, and no augmentation."""

    path: PathText
    classes: Classes

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return self.classes

    @property
    def augment(self) -> AugmentSpec:
        """Standard augmentation: none, since only the user knows which augmentation keeps the labels valid."""
        return AugmentSpec()

    def place(self, root: Path) -> Path:
        """Return the path, which may be relative to the folder of data sets; raises ValueError for a bad `~name`."""
        try:
            return root / Path(self.path).expanduser()
        except RuntimeError as error:  # ~ without a home folder, or ~name of nobody
            raise ValueError(f"dataset.path: {self.path}: {str(error).lower().rstrip('.')}") from error


class FolderSpec(OwnImagesSpec):
    """Image files `<path>/train/<class>/*`, and `<path>/test/` alike; classes sorted by name."""

    kind: Literal["folder"]
    size: Side
    channels: Annotated[Literal[1, 3], WHOLE] = 3
    resize: bool = False
    """Resize each image's short side to `size` and crop the centre; if false, every image must be size x size."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(K, H, W)."""
        return self.channels, self.size, self.size

    def is_here(self, root: Path) -> bool:
        """Return whether the folder exists."""
        return self.place(root).is_dir()

    def load(self, data_root: Path) -> Dataset:
        """Decode the images, or map the decoded cache; raises ValueError naming a missing or unusable file.

        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as folder:
        ...     for name in ("train/cat", "train/dog", "test/cat", "test/dog"):
        ...         (Path(folder) / "mine" / name).mkdir(parents=True)
        ...         Image.new("RGB", (8, 8)).save(Path(folder) / "mine" / name / "1.png")
        ...     dataset = FolderSpec(kind="folder", path="mine", size=8, classes=2).load(Path(folder))
        >>> dataset.classes
        ('cat', 'dog')
        """
        folder, size = self.place(data_root), Size(self.channels, self.size, self.resize)
        train, test = trees = [find_images(folder / part, self.classes) for part in PARTS]
        if train.classes != test.classes:
            other = sorted(set(train.classes) ^ set(test.classes))[0]
            raise ValueError(f"{shown(folder)}: class {other!r} is in train or in test, but not in both")
        notes, parts = list(_beside(folder)), []
        for tree in trees:
            decoded = decode(tree, size, data_root)
            parts.append(numbered(decoded.images_NKHW, tree.labels_N))
            notes += [*tree.notes, *(f"{shown(tree.folder)}: {note}" for note in decoded.notes)]
        return _noted(assembled("folder 1", parts[0], parts[1], train.classes, self.subset), notes)


def _beside(folder: Path) -> Iterator[str]:
    """Yield a sentence about the folders that are neither training nor test images, if there are any."""
    with os.scandir(folder) as entries:
        others = sorted(entry.name for entry in entries if entry.is_dir() and entry.name not in PARTS)
    if others := [shown(name) for name in others if not name.startswith(".")]:
        named = ", ".join(others[:MOST_NAMED]) + (", ..." if len(others) > MOST_NAMED else "")
        yield f"left out of {shown(folder)}: {named} (validation images are split from those of train)"


def _noted(dataset: Dataset, notes: list[str]) -> Dataset:
    return replace(dataset, notes=(*notes, *overlap_notes(dataset.train, dataset.test)))


class NpzSpec(OwnImagesSpec):
    """Arrays x_train, y_train, x_test, y_test: uint8 images (N, K, H, W), (N, H, W, K) or (N, H, W), integer labels."""

    kind: Literal["npz"]
    shape: tuple[Annotated[int, Field(ge=1, le=64)], Side, Side]
    """(K, H, W)."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(K, H, W)."""
        return self.shape

    def is_here(self, root: Path) -> bool:
        """Return whether the file exists."""
        return self.place(root).is_file()

    def load(self, data_root: Path) -> Dataset:
        """Read the arrays; raises ValueError naming the file, and an array that does not fit.

        >>> from tempfile import TemporaryDirectory
        >>> images_NHW, labels_N = np.zeros((2, 8, 8), dtype=np.uint8), np.array([0, 1])
        >>> with TemporaryDirectory() as folder:
        ...     arrays = {"x_train": images_NHW, "y_train": labels_N, "x_test": images_NHW, "y_test": labels_N}
        ...     np.savez(Path(folder) / "mine.npz", **arrays)
        ...     dataset = NpzSpec(kind="npz", path="mine.npz", shape=(1, 8, 8), classes=2).load(Path(folder))
        >>> dataset.train.images_NKHW.shape
        (2, 1, 8, 8)
        """
        check_channels_first(self.shape)
        path = self.place(data_root)
        arrays = _arrays(path)
        train, test = (self._part(arrays, part, path) for part in PARTS)
        classes = tuple(str(label) for label in range(self.classes))
        dataset = assembled("npz 1", train, test, classes, self.subset)
        notes = [
            f"{shown(path)}: no value of x_{part} is above 1, though images are 0 to 255"
            for part, split in zip(PARTS, (train, test), strict=True)
            if split.images_NKHW.max() <= 1
        ]
        return _noted(dataset, notes)

    def check(self) -> None:
        """Raise ValueError for a shape that is not (K, H, W)."""
        check_channels_first(self.shape)

    def _part(self, arrays: dict[str, NDArray[Any]], part: str, path: Path) -> Split:
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if images.dtype != np.uint8:
            raise ValueError(f"{shown(path)}: x_{part} is {images.dtype}, but images are uint8, 0 to 255")
        if labels.size != len(labels) or labels.dtype.kind not in "iu":
            raise ValueError(
                f"{shown(path)}: y_{part} is {labels.dtype} {labels.shape}, not one integer label per sample"
            )
        if (labels > np.iinfo(np.int64).max).any():
            raise ValueError(f"{shown(path)}: y_{part} holds {labels.max()}, which is no label")
        if len(images) != len(labels):
            raise ValueError(f"{shown(path)}: {len(images)} images in x_{part}, but {len(labels)} labels in y_{part}")
        return numbered(self._planar(images, f"{shown(path)}: x_{part}"), labels.ravel().astype(np.int64))

    def _planar(self, images: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
        channels, height, width = self.shape
        if images.shape[1:] == self.shape:
            return images
        if images.shape[1:] == (height, width, channels) or (channels == 1 and images.shape[1:] == (height, width)):
            last = images.reshape(-1, height, width, channels)
            return np.ascontiguousarray(last.transpose(0, 3, 1, 2))
        raise ValueError(f"{where} has shape {images.shape}, but the definition has {self.shape} per sample")


def _instead_of_archive(path: Path) -> str:
    with path.open("rb") as file:
        is_array = file.read(6) == np.lib.format.MAGIC_PREFIX
    return f"it is {'one array, as numpy.save writes it' if is_array else 'none, or not whole'}; numpy.savez writes one"


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise ValueError(f"{shown(path)}: no such file")
    names = [f"{array}_{part}" for part in ("train", "test") for array in ("x", "y")]
    try:
        if not zipfile.is_zipfile(path):  # of which NumPy says that it may be unpickled
            raise ValueError(_instead_of_archive(path))
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            if missing := [name for name in names if name not in file]:
                raise ValueError(f"no array {missing[0]}")
            arrays: dict[str, NDArray[Any]] = {name: file[name] for name in names}
    except UNREADABLE as error:
        reason = " ".join(str(error).split())
        if "Object arrays" in reason:
            reason = "an array holds objects, as when images are of mixed size"
        raise ValueError(f"{shown(path)}: unusable .npz file: {reason}") from error
    if flat := [name for name in names if not arrays[name].ndim]:
        raise ValueError(f"{shown(path)}: {flat[0]} is a single value, not an array")
    return arrays
