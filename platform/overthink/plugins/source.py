"""What a plug-in's code is: the version of its distribution, or a hash of its source."""

import hashlib
import os
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

MOST_FILES, MOST_BYTES = 2000, 50_000_000
"""Of a package whose source is hashed; a larger one is installed as a distribution."""


class Source(NamedTuple):
    """The code of a plug-in."""

    module: str
    text: str
    """`name==version` of an installed distribution, else `sha256:` and 16 digits."""

    def __str__(self) -> str:
        """Return both in a few words."""
        return f"{self.module} ({self.text})"


def source_of(module: ModuleType) -> Source:
    """Return the source of a module: of an installed distribution its name and version, else the SHA-256 of its code.

    The hash is over every `.py` file of the package that the module is in, or over the module's file where it is in no
    package; other modules that such a file imports do not count. A distribution that is installed in editable mode
    counts by its hash. Raises ValueError for a module without a file, and for a package that is too large.
    """
    return Source(module.__name__, _text(module.__name__, str(getattr(module, "__file__", None) or "")))


@cache  # by the source that was imported first: a file that is edited later does not change the process
def _text(name: str, file: str) -> str:
    if not file:
        raise ValueError(f"plug-in {name}: it has no file whose source could be known")
    path, parts = Path(file), name.split(".")
    is_package = path.name == "__init__.py"
    depth = len(parts) - (0 if is_package else 1)
    root = path.parent  # of the outermost package
    for _ in range(depth - 1):
        root = root.parent
    if depth == 0 or not (root / "__init__.py").is_file():
        files = [path]
        base = path.parent
    else:
        base = root.parent
        files = sorted(one for one in root.rglob("*.py") if one.is_file())  # an editor's lock is a link to nothing
    return _distribution(base, path) or f"sha256:{_hash(name, base, files)}"


def _distribution(base: Path, file: Path) -> str | None:
    """Return name and version of the distribution in a folder that a file belongs to."""
    wanted = file.relative_to(base).as_posix() if file.is_relative_to(base) else file.name
    for found in distributions(path=[str(base)]):
        if any(one.as_posix() == wanted for one in found.files or ()):
            return f"{found.name}=={found.version}"
    return None


def _hash(name: str, base: Path, files: list[Path]) -> str:
    if len(files) > MOST_FILES or sum(os.stat(one).st_size for one in files) > MOST_BYTES:
        raise ValueError(f"plug-in {name}: its package has more than {MOST_FILES} files or {MOST_BYTES:,} bytes")
    digest = hashlib.sha256()
    for one in files:
        content = one.read_bytes()
        digest.update(f"{one.relative_to(base).as_posix()} {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()[:16]
