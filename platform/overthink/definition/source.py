"""Definition files as plain data: finding files, reading them, and overriding values by dotted path."""

import codecs
import copy
import json
import os
import stat
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overthink.definition.errors import DefinitionError, nearest
from overthink.definition.yaml_core import DEEPEST, YamlError, parse_yaml
from overthink.sentences import check_utf_8

LARGEST_FILE = 250_000
"""Bytes. Definitions are a few kilobytes; a larger file is a mistake or an attack."""
PACKAGE, CHECKOUT = Path(__file__).parents[1], Path(__file__).parents[3]
EXPERIMENTS, SWEEPS = "experiments", "sweeps"
"""Folders of definitions, in the package and in a checkout."""
STARTED_BY = {EXPERIMENTS: "overthink run", SWEEPS: "overthink sweep"}


def find(name: str, kind: str = EXPERIMENTS) -> Path:
    """Return the file of a definition, given a path or the name of a shipped definition; raises DefinitionError."""
    path = Path(name)
    if path.suffix or len(path.parts) > 1 or exists(path):
        return path
    files = shipped(kind)
    if name in files:
        return files[name]
    for other, command in STARTED_BY.items():
        if name in shipped(other):
            raise DefinitionError(f"{name}: a shipped {other[:-1]}, no {kind[:-1]}; start it with {command} {name}")
    raise DefinitionError(f"{name}: no such file or shipped definition{nearest(name, list(files))}")


def shipped(kind: str) -> dict[str, Path]:
    """Return name -> file of the shipped definitions of a kind."""
    return {file.stem: file for place in (CHECKOUT, PACKAGE) for file in sorted((place / kind).glob("*.yaml"))}


def is_definition(name: str) -> bool:
    """Return whether a name is that of a shipped definition, or of what is, or could only be, a definition's file."""
    try:
        path = find(name)
    except DefinitionError:
        return False
    return path.suffix in (".yaml", ".yml") or exists(path)


def exists(path: Path) -> bool:
    """Return whether something is at a path; nothing can be at one that the file system refuses."""
    try:
        return path.exists()
    except OSError:  # longer than a file name may be, or in a folder that this account may not enter
        return False


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a definition file; raises DefinitionError naming the file, and the line and column of a YAML error."""
    try:
        raw = parse_yaml(_text_of(path))
    except UnicodeDecodeError as error:
        raise DefinitionError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise DefinitionError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except YamlError as error:
        raise DefinitionError(f"{path}: not readable as YAML: {error}") from None
    if not isinstance(raw, dict):
        got = "an empty file" if raw is None else type(raw).__name__
        raise DefinitionError(f"{path}: expected keys and values, got {got}")
    return raw


def _text_of(path: Path) -> str:
    """Return the text of a regular file: a device or a pipe may have no end, and its size says nothing."""
    _check_regular(path, os.stat(path).st_mode)  # before it is opened: opening a device can have effects
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:
        _check_regular(path, os.fstat(descriptor).st_mode)
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise DefinitionError(f"{path}: larger than {LARGEST_FILE} bytes, too large for a definition")
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # some editors of Windows write it
    return content.decode("utf-16" if is_utf_16 else "utf-8-sig")


def _check_regular(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise DefinitionError(f"{path}: is a directory")
    if not stat.S_ISREG(mode):
        raise DefinitionError(f"{path}: is a device or a pipe, not a file")


@dataclass(frozen=True)
class Overrides:
    """Values given as `--set network.growth=8`, applied after variants and references."""

    values: tuple[tuple[str, Any], ...]

    @classmethod
    def parse(cls, texts: Sequence[str]) -> "Overrides":
        """Read `path=value` texts, with values in YAML; raises DefinitionError for any other text.

        >>> Overrides.parse(["network.growth=8"]).apply({"network": {"growth": 6}})
        {'network': {'growth': 8}}
        """
        return cls(tuple(cls._parse_one(text) for text in texts))

    @staticmethod
    def _parse_one(text: str) -> tuple[str, Any]:
        try:
            check_utf_8("--set", text)
        except ValueError as error:
            raise DefinitionError(str(error)) from None
        path, equals, value = text.partition("=")
        if not equals or not all(path.split(".")):
            raise DefinitionError(f"--set {text}: expected KEY=VALUE, such as regime.0.lr=0.05")
        try:
            return path, parse_yaml(value)
        except YamlError as error:
            raise DefinitionError(f"--set {text}: {error}") from None

    def apply(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Return the data with all values set."""
        return override_all(raw, self.values, _option)

    def place(self, path: Sequence[str], source: str) -> str:
        """Return where the value at a path was given: an option, a source, or a source with parts set by options."""
        around = [".".join(path[:length]) for length in range(len(path) + 1)]
        for name, value in reversed(self.values):
            if name in around:
                return _option(name, value)
        kinds = [f"{one}.kind" for one in around[1:]]  # which decide what the keys beside them may be
        within = [
            _option(name, value)
            for name, value in self.values
            if not path or name.startswith(f"{around[-1]}.") or name in kinds
        ]
        return f"{source} with {' '.join(within)}" if within else source

    def of(self, roots: Collection[str]) -> dict[str, Any]:
        """Return path -> value for the paths that begin with one of some keys, in the order in which they are set."""
        found: dict[str, Any] = {}
        for path, value in self.values:
            if path.split(".")[0] in roots:
                found.pop(path, None)
                found[path] = value
        return found


NO_OVERRIDES = Overrides(())


def _option(path: str, value: Any) -> str:
    return f"--set {path}={value if isinstance(value, str) else json.dumps(value)}"


def override_all(
    raw: dict[str, Any], values: Iterable[tuple[str, Any]], place: Callable[[str, Any], str]
) -> dict[str, Any]:
    """Return a copy with the values at paths replaced, one after another; `place` names where a value was given.

    Raises DefinitionError as `override` does, and where a value would replace what an earlier one has set within it.
    """
    earlier: list[str] = []
    for path, value in values:
        if lost := [one for one in earlier if one.startswith(f"{path}.")]:
            raise DefinitionError(f"{place(path, value)}: it would replace {lost[0]}, set before it; put it first")
        raw = override(raw, path, value, place(path, value))
        earlier.append(path)
    return raw


def override(raw: dict[str, Any], path: str, value: Any, source: str) -> dict[str, Any]:
    """Return a copy with the value at a dotted path replaced; missing mappings on the path are created.

    Raises DefinitionError, naming the source, if the path leads through a value or to a list index that does not exist,
    or deeper than a file may be.
    """
    if (depth := path.count(".") + 1) > DEEPEST:
        raise DefinitionError(f"{source}: a path of {depth} keys, more than {DEEPEST}")
    result = copy.deepcopy(raw)
    node: Any = result
    *parents, last = path.split(".")
    for part in parents:
        node = node.setdefault(part, {}) if isinstance(node, dict) else node[_index(node, part, source)]
    node[last if isinstance(node, dict) else _index(node, last, source)] = value
    return result


def _index(node: Any, part: str, source: str) -> int:
    if not isinstance(node, list):
        raise DefinitionError(f"{source}: {part!r} is a key of {node!r}, which has no keys")
    if not (part.isascii() and part.isdecimal() and len(part) < 10 and int(part) < len(node)):
        raise DefinitionError(f"{source}: {part!r} is not an index of the list, 0 to {len(node) - 1}")
    return int(part)
