"""Answers that take seconds to find, kept in the cache: of the same question and the same code they are the same."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from overthink.atomic_file import atomic_write
from overthink.settings import cache_folder

T = TypeVar("T")
PACKAGE = Path(__file__).parent


class Kept(Generic[T]):
    """Answers of one kind, in a folder of the cache of their own."""

    def __init__(self, name: str, answer: TypeAdapter[T]) -> None:
        self._name, self._answer = name, answer

    def answer(self, question: Mapping[str, object], find: Callable[[], T]) -> T:
        """Return the answer to a question, found and kept where it is not kept yet."""
        if (known := self.get(question)) is not None:
            return known
        self.put(question, found := find())
        return found

    def get(self, question: Mapping[str, object]) -> T | None:
        """Return the answer to a question, or None where it is not kept, or cannot be read."""
        with suppress(OSError, ValidationError):
            return self._answer.validate_json(self._file(question).read_bytes())
        return None

    def put(self, question: Mapping[str, object], answer: T) -> None:
        """Keep an answer; where that is not possible, it is found anew each time."""
        file = self._file(question)
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(file) as unfinished:
                unfinished.write_bytes(self._answer.dump_json(answer))

    def _file(self, question: Mapping[str, object]) -> Path:
        name = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:24]
        return self._folder() / f"{name}.json"

    def _folder(self) -> Path:
        with suppress(RuntimeError):  # an account without a home folder
            return cache_folder() / self._name
        return Path(tempfile.gettempdir()) / f"overthink-{self._name}-{os.geteuid()}"


@cache
def code_of(*packages: str) -> dict[str, str]:
    """Return what an answer depends on beside its question: SHA-256 of packages of ours, versions of torch's."""
    digest = hashlib.sha256()
    for package in packages:
        for path in sorted((PACKAGE / package).rglob("*")):
            if path.suffix in (".py", ".cpp", ".hpp") and path.is_file():  # an editor's lock is a link to nothing
                digest.update(f"{path.relative_to(PACKAGE)}\0".encode() + path.read_bytes())
    return {"source_sha256": digest.hexdigest(), "torch": _version("torch"), "torchvision": _version("torchvision")}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
