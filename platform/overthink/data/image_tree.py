"""Folders of image files, one folder per class, decoded once into a cache file that is memory-mapped.

Images are converted to `channels`. Transparency is dropped; the EXIF orientation is not applied.
"""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overthink.atomic_file import atomic_write

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg")
VERSION = 1
"""Of the decoding; another version uses another cache file."""


class ImageTree(NamedTuple):
    """The image files of one split of a data set, sorted by class and name."""

    paths: tuple[Path, ...]
    labels_N: NDArray[np.int64]
    classes: tuple[str, ...]
    """Names of the class folders, sorted."""


class Size(NamedTuple):
    """The size that every image is converted to."""

    channels: int
    side: int
    resize: bool
    """Resize the short side to `side` (bicubic, antialiased) and crop the centre; if False, images must fit already."""


def find_images(folder: Path, n_classes: int) -> ImageTree:
    """List `folder/<class>/*.png|jpg|jpeg`.

    Raises ValueError if the folder does not exist, has another number of classes, or a class has no images.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; expected a folder of images with one subfolder per class")
    classes = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))
    if len(classes) != n_classes:
        raise ValueError(f"{folder}: {len(classes)} class folders, but the definition has {n_classes} classes")
    paths, labels = [], []
    for label, name in enumerate(classes):
        found = sorted(path for path in (folder / name).iterdir() if path.suffix.lower() in SUFFIXES)
        if not found:
            raise ValueError(f"{folder / name}: no image ({', '.join(SUFFIXES)}) in it")
        paths += found
        labels += [label] * len(found)
    return ImageTree(tuple(paths), np.array(labels, dtype=np.int64), classes)


def decode(tree: ImageTree, size: Size, cache: Path) -> NDArray[np.uint8]:
    """Return the images (N, K, H, W), memory-mapped from a cache file, which is written if it does not exist.

    Raises ValueError naming an image file that cannot be read or has another size, or a damaged cache file.
    """
    from filelock import FileLock

    shape = len(tree.paths), size.channels, size.side, size.side
    path = cache / f"{_key(tree, size)}.npy"
    with FileLock(f"{path}.lock"):  # parallel workers start together: one decodes, the others wait
        if not path.is_file():
            _write(path, tree, size, shape)
    try:  # copy on write: torch requires writable arrays, and the file must not change
        images_NKHW: NDArray[np.uint8] = np.load(path, mmap_mode="c", allow_pickle=False)
    except ValueError as error:
        raise ValueError(f"{path}: damaged cache ({error}); delete it") from error
    if images_NKHW.shape != shape or images_NKHW.dtype != np.uint8:
        raise ValueError(f"{path}: damaged cache ({images_NKHW.dtype} {images_NKHW.shape}, not {shape}); delete it")
    return images_NKHW


def cache_folder(root: Path) -> Path:
    """Return the folder for decoded images: in the data root, or in the user's cache if that is not writable."""
    for folder in (root / ".cache", Path.home() / ".cache" / "overthink" / "decoded"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise ValueError(f"{root}: decoded images can be written neither there nor in {Path.home() / '.cache'}")


def _key(tree: ImageTree, size: Size) -> str:
    digest = hashlib.sha256(f"{VERSION} {size.channels} {size.side} {size.resize}".encode())
    for path in tree.paths:
        about = path.stat()
        digest.update(f"\n{path} {about.st_size} {about.st_mtime_ns}".encode())
    return digest.hexdigest()[:32]


def _write(path: Path, tree: ImageTree, size: Size, shape: tuple[int, ...]) -> None:
    with atomic_write(path) as part:
        images_NKHW = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
        for row, source in enumerate(tree.paths):
            images_NKHW[row] = read_image(source, size)
        images_NKHW.flush()


def read_image(path: Path, size: Size) -> NDArray[np.uint8]:
    """Return an image file as (K, H, W); raises ValueError naming a file that cannot be read or does not fit."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.mode[0] in "IF":
                raise ValueError(f"more than 8 bits per channel, mode {image.mode}")
            fitted = _fitted(image.convert("L" if size.channels == 1 else "RGB"), size)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).replace(repr(str(path)), "").replace(str(path), "").split())
        raise ValueError(f"{path}: unusable image: {reason}") from error
    return np.asarray(fitted).reshape(size.side, size.side, size.channels).transpose(2, 0, 1)


def _fitted(image: "Image.Image", size: Size) -> "Image.Image":
    from PIL import Image

    side, (width, height) = size.side, image.size
    if not size.resize:
        if (width, height) != (side, side):
            raise ValueError(f"{width}x{height} pixels, but size is {side} and resize is false")
        return image
    factor = side / min(width, height)
    wide, high = max(side, round(width * factor)), max(side, round(height * factor))
    left, top = (wide - side) // 2, (high - side) // 2
    return image.resize((wide, high), Image.Resampling.BICUBIC).crop((left, top, left + side, top + side))
