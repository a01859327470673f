"""Output files: checks before the work begins, by ValueErrors that name option, path and cause; and writing them."""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from overthink.atomic_file import atomic_write

if TYPE_CHECKING:
    from PIL.Image import Image

SQLITE = b"SQLite format 3\0"
"""With which a database begins."""
LONGEST_NAME = 200
"""Bytes of a file's name that leave room for the ending of an unfinished file."""


def check_file(option: str, path: Path) -> None:
    """Raise ValueError where no file can be written at the path."""
    if path.is_dir():
        raise ValueError(f"{option} {path}: is a folder; expected a file")
    if not path.parent.is_dir():
        raise ValueError(f"{option} {path}: folder {path.parent} does not exist")
    _check_writable(option, path, path if path.exists() else path.parent)
    if (lost := _irreplaceable(path)) is not None:
        raise ValueError(f"{option} {path}: is a {lost}, and would be lost")


def _irreplaceable(path: Path) -> str | None:
    """Return what a file is that no command writes, so that a name was mistaken; None for any other."""
    if not path.is_file():
        return None
    if path.suffix.lower() in (".yaml", ".yml"):
        return "definition"
    with path.open("rb") as file:
        return "database" if file.read(len(SQLITE)) == SQLITE else None


def write_file(path: Path, content: bytes) -> None:
    """Write a file, whole: on an error, one that was there before stays. Links are followed; devices are written to.

    Raises OSError, which names the file.
    """
    try:
        _write(path.resolve(), content)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def _write(target: Path, content: bytes) -> None:
    is_device, is_long = target.exists() and not target.is_file(), len(os.fsencode(target.name)) > LONGEST_NAME
    if is_device or is_long or not os.access(target.parent, os.W_OK):
        target.write_bytes(content)
        return
    mode = target.stat().st_mode if target.exists() else None
    with atomic_write(target) as unfinished:
        unfinished.write_bytes(content)
        if mode is not None:
            unfinished.chmod(mode)


def write_picture(path: Path, picture: "Image") -> None:
    """Write a picture as `write_file` does, in the format that its suffix names."""
    from PIL import Image

    content = io.BytesIO()
    picture.save(content, Image.registered_extensions()[path.suffix.lower()])
    write_file(path, content.getvalue())


def check_picture(option: str, path: Path) -> None:
    """Raise ValueError where no picture can be written at the path, or where its suffix names no image format."""
    from PIL import Image

    check_file(option, path)
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise ValueError(f"{option} {path}: suffix {path.suffix!r} is no writable image format; use .png")


def check_folder(option: str, path: Path) -> None:
    """Raise ValueError where the path is no folder and none can be made there."""
    existing = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not existing.is_dir():
        raise ValueError(f"{option} {path}: {existing} is not a folder")
    _check_writable(option, path, existing)


def _check_writable(option: str, path: Path, place: Path) -> None:
    if not os.access(place, os.W_OK):
        raise ValueError(f"{option} {path}: no permission to write to {place}")
