"""Checks of output paths before the work begins; errors are ValueErrors that name option, path and cause."""

import os
from pathlib import Path


def check_file(option: str, path: Path) -> None:
    """Raise ValueError where no file can be written at the path."""
    if path.is_dir():
        raise ValueError(f"{option} {path}: is a folder; expected a file")
    if not path.parent.is_dir():
        raise ValueError(f"{option} {path}: folder {path.parent} does not exist")
    _check_writable(option, path, path if path.exists() else path.parent)


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
