"""Files on their way from a machine to another."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from overthink.atomic_file import atomic_write


class File(NamedTuple):
    """A file of a run's folder."""

    name: str
    """Relative to the folder."""
    content: bytes


def files_in(folder: Path, patterns: Sequence[str]) -> Iterator[File]:
    """Yield the files of a folder that are there, in order of the patterns."""
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            yield File(str(path.relative_to(folder)), path.read_bytes())


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put files into a folder, each whole or not at all; raises ValueError for a name that leads out of it."""
    for name, content in files.items():
        target = folder / name
        if not target.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{name!r} is no file of {folder}")
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target) as unfinished:
            unfinished.write_bytes(content)
