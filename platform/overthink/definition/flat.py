"""Differences of nested mappings, such as definitions or provenance, by dotted path."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple


class Differing(NamedTuple):
    """A path at which two mappings differ; None for a mapping without this path."""

    path: str
    first: str | None
    second: str | None


def flat(value: Any, path: str = "") -> dict[str, str]:
    """Return the values of nested JSON data as texts by dotted path; lists of numbers stay whole.

    >>> flat({"regime": [{"epochs": 5}]})
    {'regime.0.epochs': '5'}
    """
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
    """Return the paths that differ, in the order of the first mapping, then those that only the second has."""
    paths = dict.fromkeys([*first, *second])
    return [Differing(path, first.get(path), second.get(path)) for path in paths if first.get(path) != second.get(path)]
