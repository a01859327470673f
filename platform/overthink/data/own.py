"""Your own images without any code: a tree of folders, or arrays in an .npz file.

A relative path is relative to the data root, so that a definition is valid on every machine.
"""

import zipfile
import zlib
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from overthink.data.assembly import ImagesSpec, assembled, numbered
from overthink.data.augment import AugmentSpec
from overthink.data.dataset import Dataset, Split
from overthink.data.image_tree import Size, cache_folder, decode, find_images

Side = Annotated[int, Field(ge=1, le=1024)]
Classes = Annotated[int, Field(ge=2, le=100_000)]


def _check_names(path: str) -> str:
    longest = max((len(name.encode("utf-8", "surrogatepass")) for name in path.split("/")), default=0)
    if longest > 255:
        raise ValueError(f"a name of {longest} bytes; file systems have names of at most 255")
    return path


PathText = Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(_check_names)]


class FolderSpec(ImagesSpec):
    """Image files `<path>/train/<class>/*.png|jpg|jpeg`, and `<path>/test/` alike; classes sorted by name."""

    kind: Literal["folder"]
    path: PathText
    size: Side
    channels: Literal[1, 3] = 3
    classes: Classes
    resize: bool = False
    """Resize each image's short side to `size` and crop the centre; if false, every image must be size x size."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(K, H, W)."""
        return self.channels, self.size, self.size

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return self.classes

    @property
    def augment(self) -> AugmentSpec:
        """Standard augmentation: none, since only the user knows which augmentation keeps the labels valid."""
        return AugmentSpec()

    def is_here(self, root: Path) -> bool:
        """Return whether the folder exists."""
        return _place(self.path, root).is_dir()

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
        folder, size = _place(self.path, data_root), Size(self.channels, self.size, self.resize)
        train, test = (find_images(folder / part, self.classes) for part in ("train", "test"))
        if train.classes != test.classes:
            other = sorted(set(train.classes) ^ set(test.classes))[0]
            raise ValueError(f"{folder}: class {other!r} is in train or in test, but not in both")
        cache = cache_folder(data_root)
        first, second = (numbered(decode(tree, size, cache), tree.labels_N) for tree in (train, test))
        return assembled("folder 1", first, second, train.classes, self.subset)


class NpzSpec(ImagesSpec):
    """Arrays x_train, y_train, x_test, y_test: uint8 images (N, K, H, W), (N, H, W, K) or (N, H, W), integer labels."""

    kind: Literal["npz"]
    path: PathText
    shape: tuple[Annotated[int, Field(ge=1, le=64)], Side, Side]
    """(K, H, W)."""
    classes: Classes

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(K, H, W)."""
        return self.shape

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return self.classes

    @property
    def augment(self) -> AugmentSpec:
        """Standard augmentation: none, since only the user knows which augmentation keeps the labels valid."""
        return AugmentSpec()

    def is_here(self, root: Path) -> bool:
        """Return whether the file exists."""
        return _place(self.path, root).is_file()

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
        path = _place(self.path, data_root)
        arrays = _arrays(path)
        train, test = (self._part(arrays, part, path) for part in ("train", "test"))
        return assembled("npz 1", train, test, tuple(str(label) for label in range(self.classes)), self.subset)

    def _part(self, arrays: dict[str, NDArray[Any]], part: str, path: Path) -> Split:
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if images.dtype != np.uint8:
            raise ValueError(f"{path}: x_{part} is {images.dtype}, but images are uint8, 0 to 255")
        if labels.size != len(labels) or labels.dtype.kind not in "iu":
            raise ValueError(f"{path}: y_{part} is {labels.dtype} {labels.shape}, not one integer label per sample")
        if len(images) != len(labels):
            raise ValueError(f"{path}: {len(images)} images in x_{part}, but {len(labels)} labels in y_{part}")
        return numbered(self._planar(images, f"{path}: x_{part}"), labels.ravel().astype(np.int64))

    def _planar(self, images: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
        channels, height, width = self.shape
        if images.shape[1:] == self.shape:
            return images
        if images.shape[1:] == (height, width, channels) or (channels == 1 and images.shape[1:] == (height, width)):
            last = images.reshape(-1, height, width, channels)
            return np.ascontiguousarray(last.transpose(0, 3, 1, 2))
        raise ValueError(f"{where} has shape {images.shape}, but the definition has {self.shape} per sample")


def _place(path: str, root: Path) -> Path:
    try:
        return root / Path(path).expanduser()
    except RuntimeError as error:  # ~ without a home folder, or ~name of nobody
        raise ValueError(f"{path}: {str(error).lower().rstrip('.')}") from error


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    names = [f"{array}_{part}" for part in ("train", "test") for array in ("x", "y")]
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            if missing := [name for name in names if name not in file]:
                raise ValueError(f"no array {missing[0]}")
            arrays: dict[str, NDArray[Any]] = {name: file[name] for name in names}
    except (ValueError, TypeError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())
        if "Object arrays" in reason:
            reason = "an array holds objects, as when images are of mixed size"
        raise ValueError(f"{path}: unusable .npz file: {reason}") from error
    if flat := [name for name in names if not arrays[name].ndim]:
        raise ValueError(f"{path}: {flat[0]} is a single value, not an array")
    return arrays
