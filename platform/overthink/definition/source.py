"""Definition files as plain data: finding files, reading untrusted YAML, and overriding values by dotted path."""

import copy
import io
import re
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from overthink.definition.errors import DefinitionError, nearest

LARGEST_FILE = 1_000_000
"""Bytes. Definitions are a few kilobytes; a larger file is a mistake or an attack."""
PACKAGE, CHECKOUT = Path(__file__).parents[1], Path(__file__).parents[3]
EXPERIMENTS, SWEEPS = "experiments", "sweeps"
"""Folders of definitions, in the package and in a checkout."""


class _Loader(yaml.SafeLoader):
    """YAML without aliases (they can expand without bound) and without repeated keys (all but one would be lost)."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed", self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is not text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is repeated", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """Writes what _Loader reads back: no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _side in (_Loader, _Dumper):
    # YAML 1.1 reads 1e-4 as text, since it has no decimal point; here it is a number, and such a text is quoted.
    _side.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
    )


def find(name: str, kind: str = EXPERIMENTS) -> Path:
    """Return the file of a definition, given a path or the name of a shipped definition; raises DefinitionError."""
    path = Path(name)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return path
    shipped = [file for place in (PACKAGE, CHECKOUT) for file in sorted((place / kind).glob("*.yaml"))]
    for file in shipped:
        if file.stem == name:
            return file
    raise DefinitionError(f"{name}: no such file or shipped definition{nearest(name, [file.stem for file in shipped])}")


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a definition file; raises DefinitionError naming the file, and the line and column of a YAML error."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise DefinitionError(f"{path}: larger than {LARGEST_FILE} bytes, too large for a definition")
        raw = parse_yaml(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise DefinitionError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise DefinitionError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DefinitionError(f"{path}: not readable as YAML: {_yaml_problem(error)}") from None
    if not isinstance(raw, dict):
        raise DefinitionError(f"{path}: expected keys and values, got {type(raw).__name__}")
    return raw


def parse_yaml(text: str) -> Any:
    """Return the plain data of a YAML text."""
    loader = _Loader(io.StringIO(text))
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def dump_yaml(data: Any, flow: bool | None = False) -> str:
    """Return plain data as a YAML text that `parse_yaml` reads back; `flow` None: innermost collections inline.

    Characters that a terminal does not show, or obeys, are escaped.
    """
    readable, escaped = (
        yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=allowed, width=120, default_flow_style=flow)
        for allowed in (True, False)
    )
    return readable if readable.replace("\n", "").isprintable() else escaped


def _yaml_problem(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} (line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1})"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


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
        path, equals, value = text.partition("=")
        if not equals or not all(path.split(".")):
            raise DefinitionError(f"--set {text}: expected KEY=VALUE, such as regime.0.lr=0.05")
        try:
            return path, parse_yaml(value)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise DefinitionError(f"--set {text}: {_yaml_problem(error)}") from None

    def apply(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Return the data with all values set."""
        for path, value in self.values:
            raw = override(raw, path, value, f"--set {path}={value}")
        return raw

    def of(self, roots: Collection[str]) -> dict[str, Any]:
        """Return path -> value for the paths that begin with one of some keys, in the order in which they are set."""
        found: dict[str, Any] = {}
        for path, value in self.values:
            if path.split(".")[0] in roots:
                found.pop(path, None)
                found[path] = value
        return found


def override(raw: dict[str, Any], path: str, value: Any, source: str) -> dict[str, Any]:
    """Return a copy with the value at a dotted path replaced; missing mappings on the path are created.

    Raises DefinitionError, naming the source, if the path leads through a value or to a list index that does not exist.
    """
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
