"""What differs between two mappings of mappings: definitions, or where results come from."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple


class Differing(NamedTuple):
    """A place that is not the same in both; None where one of them has no such place."""

    path: str
    first: str | None
    second: str | None


def flat(value: Any, path: str = "") -> dict[str, str]:
    """Return what a JSON value holds by dotted path, such as `regime.0.epochs`; lists of numbers stay whole."""
    if isinstance(value, Mapping) and value:
        parts = list(value.items())
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        parts = list(enumerate(value))
    else:
        return {path: value if isinstance(value, str) else json.dumps(value)}
    found: dict[str, str] = {}
    for key, inner in parts:
        found |= flat(inner, f"{path}.{key}" if path else str(key))
    return found


def differing(first: Mapping[str, str], second: Mapping[str, str]) -> list[Differing]:
    """Return the places that differ, in the order of the first, then those that only the second has."""
    paths = dict.fromkeys([*first, *second])
    return [Differing(path, first.get(path), second.get(path)) for path in paths if first.get(path) != second.get(path)]
