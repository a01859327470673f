"""Where a command is to write, checked before its work: one sentence names the option, the path and what is wrong."""

import os
from pathlib import Path

from overthink.definition.errors import DefinitionError


def check_file(option: str, path: Path) -> None:
    """Raise DefinitionError where no file can be written at the path."""
    if path.is_dir():
        raise DefinitionError(f"{option} {path}: it is a folder, and a file is to be written")
    if not path.parent.is_dir():
        raise DefinitionError(f"{option} {path}: {path.parent} is no folder")
    _check_writable(option, path, path if path.exists() else path.parent)


def check_picture(option: str, path: Path) -> None:
    """Raise DefinitionError where no picture can be written at the path, or where its ending names no kind of one."""
    from PIL import Image

    check_file(option, path)
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise DefinitionError(f"{option} {path}: its ending names no kind of picture that can be written, as .png does")


def check_folder(option: str, path: Path) -> None:
    """Raise DefinitionError where the path is no folder, and none can be made there."""
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not there.is_dir():
        raise DefinitionError(f"{option} {path}: {there} is no folder")
    _check_writable(option, path, there)


def _check_writable(option: str, path: Path, place: Path) -> None:
    if not os.access(place, os.W_OK):
        raise DefinitionError(f"{option} {path}: {place} cannot be written")
