"""Parquet files that others wrote are read in a process of its own first: damaged bytes can end the one that reads.

The library for Parquet looks at many numbers of a file only where it uses them, and some that contradict each other
end the whole process (`terminate called`, or a fault in memory), which nothing in Python can catch. A file of which
this machine has written the very bytes, or read them before in the same way, is read directly: their SHA-256 is kept.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

import pyarrow as pa  # type: ignore[import-untyped]

from overthink.predictions.reading_process import Argument, ReadingProcess, in_sentences
from overthink.settings import cache_folder

Found = TypeVar("Found")

FOLDER = "readable"
"""In the cache: an empty file for each file that can be read, named by a digest."""
_KNOWN: set[str] = set()
"""The same in this process, where the cache cannot be written."""


def read_parquet(path: Path, reader: Callable[..., Found], *arguments: Argument) -> Found:
    """Return what `reader(file, *arguments)`, a function of a module, reads from a Parquet file.

    Raises ValueError, in one clause without the file's name, where it cannot be read; OSError where it cannot be
    opened.
    """
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        name = _name(sha256, f"{reader.__module__}:{reader.__name__}", pa.__version__, *map(repr, arguments))
        if not (_is_known(_name(sha256)) or _is_known(name)):
            request = {
                "path": str(path.absolute()),
                "sha256": sha256,
                "module": reader.__module__,
                "function": reader.__name__,
                "arguments": arguments,
            }
            try:
                problem = _process(os.getpid()).problem(request)
            except OSError:  # this machine has no room for a process
                return in_sentences(reader, file, *arguments)
            if problem is not None:
                raise ValueError(problem)
            _keep(name)
        return in_sentences(reader, file, *arguments)


def written(path: Path) -> None:
    """Keep that this machine has written a file itself: it can be read in any way."""
    with path.open("rb") as file:
        _keep(_name(hashlib.file_digest(file, "sha256").hexdigest()))


def _name(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _is_known(name: str) -> bool:
    if name in _KNOWN:
        return True
    with suppress(OSError, RuntimeError):  # RuntimeError: an account without a home folder
        return (cache_folder() / FOLDER / name).exists()
    return False


def _keep(name: str) -> None:
    _KNOWN.add(name)
    with suppress(OSError, RuntimeError):
        folder = cache_folder() / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@cache
def _process(pid: int) -> ReadingProcess:
    """Return the one of this process; a fork of it has another one."""
    return ReadingProcess()
