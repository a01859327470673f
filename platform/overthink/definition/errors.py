"""Errors in a definition as one sentence that names the file, the key and the value."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

LONGEST_VALUE = 80


class DefinitionError(ValueError):
    """A definition is not valid. The message is one line without control characters."""

    def __init__(self, sentence: str) -> None:
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in sentence))


def sentence_for(error: ValidationError, model: type[BaseModel], source: str, raw: Any) -> str:
    """Return a validation error as one sentence about its first error, with the number of further errors."""
    details = error.errors(include_url=False)
    first = next((entry for entry in details if entry["type"] == "extra_forbidden"), details[0])
    path = _path(first, raw)
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    where = f"{source}: {'.'.join(path)}: " if path else f"{source}: "
    return where + _what(first, path, model) + more


def nearest(word: str, known: Iterator[str] | list[str]) -> str:
    """Return a hint with the known word nearest to a mistaken one, or an empty text.

    >>> nearest("epoch", ["lr", "epochs"])
    "; did you mean 'epochs'?"
    """
    matches = get_close_matches(word, sorted(known), n=1, cutoff=0.5)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def _what(first: ErrorDetails, path: list[str], model: type[BaseModel]) -> str:
    if first["type"] == "extra_forbidden":
        # The key itself can be known, for another kind of the same part.
        known = sorted(_properties_at(model.model_json_schema(), path[:-1]) - {path[-1]})
        hint = nearest(path[-1], known) or f"; known keys: {', '.join(known)}"
        return f"unknown key {path[-1]!r}{hint}"
    if first["type"] == "missing":
        return "this key is required"
    if first["type"] == "union_tag_not_found":
        return f"a kind is required, got {first['input']!r}"
    if first["type"] == "union_tag_invalid":
        return f"unknown kind {first['ctx']['tag']!r}; known kinds: {first['ctx']['expected_tags']}"
    message = first["msg"].removeprefix("Value error, ")
    shown = repr(first["input"])
    message = message[0].lower() + message[1:]
    if first["type"] == "value_error" or len(shown) > LONGEST_VALUE:
        return message
    return f"{message}, got {shown}"


def _path(first: ErrorDetails, raw: Any) -> list[str]:
    """Return the path of an error in the raw data, without the parts that pydantic adds for members of a union."""
    path: list[str] = []
    node = raw
    for part in first["loc"]:
        places: dict[Any, Any] = dict(enumerate(node)) if isinstance(node, list) else node
        if isinstance(places, dict) and part in places:
            node = places[part]
        elif not (first["type"] == "missing" and part == first["loc"][-1]):
            continue
        path.append(str(part))
    return path


def _properties_at(schema: dict[str, Any], path: list[str]) -> set[str]:
    """Return the keys that a JSON schema allows at a path, over all alternatives."""
    nodes = [schema]
    for part in path:
        nodes = [child for node in nodes for option in _options(node, schema) for child in _children(option, part)]
    return {name for node in nodes for option in _options(node, schema) for name in option.get("properties", {})}


def _options(node: dict[str, Any], root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in node:
        yield from _options(root["$defs"][node["$ref"].rsplit("/", 1)[-1]], root)
        return
    yield node
    for alternative in node.get("anyOf", []) + node.get("oneOf", []):
        yield from _options(alternative, root)


def _children(node: dict[str, Any], part: str) -> Iterator[dict[str, Any]]:
    if part in node.get("properties", {}):
        yield node["properties"][part]
    elif isinstance(node.get("items"), dict) and part.isdigit():
        yield node["items"]
