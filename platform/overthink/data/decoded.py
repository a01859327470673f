"""Decoded images of a folder: a cache file, written once and memory-mapped, as long as no image file changes.

What identifies a file's content is its inode, its size and the times of its last change. The time of the last change of
an inode (ctime) cannot be set by programs, so a file that was replaced by one of equal size and date is noticed.
"""

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overthink.atomic_file import atomic_write
from overthink.data.files import shown
from overthink.data.image_file import Size, read_image_file
from overthink.data.image_tree import ImageTree
from overthink.file_lock import file_lock

VERSION = 2
"""Of the decoding; another version uses other cache files. 2: images are turned upright."""
SETTLING_NS = 20_000_000
"""Changes of a file within one tick of a kernel's clock (up to 10 ms) have equal times."""
ANIMATED = ".animated"
"""Suffix, of a file beside the cache file, with the number of image files that hold several pictures."""


class Decoded(NamedTuple):
    """The images of one split of a data set."""

    images_NKHW: NDArray[np.uint8]
    n_animated: int
    """Number of files with several pictures, of which only the first is used."""

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence about files with several pictures, if there are any."""
        if not self.n_animated:
            return ()
        files = "1 image file holds" if self.n_animated == 1 else f"{self.n_animated} image files hold"
        return (f"{files} several pictures (an animation, or pages); only the first is used",)


class _Place(NamedTuple):
    """Where the images of a folder are kept decoded."""

    cache: Path
    stem: str
    """Equal for all states of a folder, at one size."""
    state: str
    """Equal for equal files."""

    @property
    def path(self) -> Path:
        return self.cache / f"{self.stem}-{self.state}.npy"

    @property
    def animated(self) -> Path:
        return self.path.with_suffix(ANIMATED)


def decode(tree: ImageTree, size: Size, data_root: Path) -> Decoded:
    """Return the images, memory-mapped from a cache file, which is written where there is none that is whole.

    Raises ValueError naming an image file that cannot be read, has another size, or changes meanwhile, and where the
    cache cannot be written; OSError where the disk is full.
    """
    stem, state = _stem(tree, size), _state(tree)
    shape = len(tree.paths), size.channels, size.side, size.side
    for cache in _caches(data_root):
        if (found := _mapped(_Place(cache, stem, state), shape)) is not None:
            return found
    for cache in _writable(data_root):
        place = _Place(cache, stem, state)
        # Parallel workers start together: one decodes, the others wait.
        with suppress(OSError):
            cache.mkdir(parents=True, exist_ok=True)
        with file_lock(cache / f"{stem}.lock") as is_alone, suppress(PermissionError):
            if (found := _mapped(place, shape)) is None:
                if is_alone:
                    _remove_unfinished(place)
                _write(place, tree, size, shape)
                found = _mapped(place, shape)
            if found is not None:
                return found
    tried = " and ".join(map(shown, _caches(data_root)))
    raise ValueError(f"decoded images can be written nowhere; tried {tried}")


def _caches(data_root: Path) -> Iterator[Path]:
    """Yield the folders for decoded images: in the data root, and in the user's cache where that is not writable."""
    yield data_root / ".cache"
    with suppress(RuntimeError):  # no home directory
        yield Path.home() / ".cache" / "overthink" / "decoded"


def _writable(data_root: Path) -> Iterator[Path]:
    for folder in _caches(data_root):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            yield folder


def _stem(tree: ImageTree, size: Size) -> str:
    about = f"{VERSION} {size.channels} {size.side} {size.resize} {size.upright} ".encode()
    return hashlib.sha256(about + os.fsencode(tree.folder.absolute())).hexdigest()[:16]


def _state(tree: ImageTree) -> str:
    """Return a hash of what identifies the files and their contents, once a later change is certain to change it."""
    digest, newest = hashlib.sha256(), 0
    for path in tree.paths:
        try:
            about = path.stat()
        except OSError as error:
            reason = "a link to nothing" if path.is_symlink() else error.strerror
            raise ValueError(f"{shown(path)}: unusable image: {reason}") from error
        if not stat.S_ISREG(about.st_mode):
            raise ValueError(f"{shown(path)}: unusable image: not a file")
        digest.update(b"\0" + os.fsencode(path.relative_to(tree.folder)))
        digest.update(f"\0{about.st_ino} {about.st_size} {about.st_mtime_ns} {about.st_ctime_ns}".encode())
        newest = max(newest, about.st_ctime_ns)
    if 0 <= time.time_ns() - newest < SETTLING_NS:
        time.sleep(SETTLING_NS / 1e9)
    return digest.hexdigest()[:32]


def _mapped(place: _Place, shape: tuple[int, ...]) -> Decoded | None:
    """Return the images of a cache file; None where there is none, or one that is not whole or not readable."""
    try:  # copy on write: torch requires writable arrays, and the file must not change
        images_NKHW: NDArray[np.uint8] = np.load(place.path, mmap_mode="c", allow_pickle=False)
        n_animated = int(place.animated.read_text(encoding="utf-8")) if place.animated.exists() else 0
    except (OSError, ValueError, EOFError):
        return None
    fits = images_NKHW.shape == shape and images_NKHW.dtype == np.uint8
    return Decoded(images_NKHW, n_animated) if fits else None


def _write(place: _Place, tree: ImageTree, size: Size, shape: tuple[int, ...]) -> None:
    n_animated = 0
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
    with atomic_write(place.path) as part:
        with part.open("wb") as file:  # not through a memory map: a full disk would end the process without a word
            np.lib.format.write_array_header_1_0(file, header)
            for source in tree.paths:
                content = read_image_file(source, size)
                file.write(np.ascontiguousarray(content.image_KHW).data)
                n_animated += content.is_animated
        if _state(tree) != place.state:
            raise ValueError(f"{shown(tree.folder)}: image files changed while they were read; run the command again")
        if n_animated:
            place.animated.write_text(str(n_animated), encoding="utf-8")
    _remove_earlier(place)


def _remove_unfinished(place: _Place) -> None:
    """Remove what processes that were killed had decoded: nobody uses it, and it may be many gigabytes."""
    for path in place.cache.glob(f"{place.stem}-*.tmp"):
        with suppress(OSError):
            path.unlink()


def _remove_earlier(place: _Place) -> None:
    """Remove what was decoded from earlier states of the folder; who has it mapped still reads it."""
    for path in place.cache.glob(f"{place.stem}-*"):
        if path.suffix in (".npy", ANIMATED) and path.stem != place.path.stem:
            with suppress(OSError):
                path.unlink()
