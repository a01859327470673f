"""Names for rows that read alike: what differs in their definitions tells them apart, and only else a key."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

NO_DEFINITION = ("variant", "dataset", "network", "regime", "labels", "seed", "schema_version")
"""Parameters of a stored run that are names, or that all runs have in common."""
NAMES_OF_MAIN = ("policy.of_name", "policy.of_variant", "policy.of_description", "policy.of_changes")
"""Parameters of policy networks that name the main network, and make no other definition."""
EARLIER = {"kernels": "torch", "policy.of.kernels": "torch"}
"""Parameters that runs of earlier versions do not have, and what they mean there."""
PARTS = ("dataset", "network", "regime", "augment")
"""The first words of paths, in the order in which they are looked through; then all others."""
KEY_LENGTH = 6
DIGITS = 6
"""Characters of a number that is not rounded; a sweep's have sixteen."""


class Named(NamedTuple):
    """A row: what it reads as, its definition, and what makes it another row than all others."""

    name: tuple[str, ...]
    params: Mapping[str, str]
    """Dotted path -> value, of what all of the row has in common; empty where it is not known."""
    key: Sequence[str]


def suffixes(rows: Sequence[Named]) -> list[str]:
    """Return what to add to the name of each row so that no two read alike: ``, ` [train=400]`, ` #1b45cd`."""
    rows = [row._replace(params={**EARLIER, **row.params}) if row.params else row for row in rows]
    alike: dict[tuple[str, ...], list[int]] = {}
    for place, row in enumerate(rows):
        alike.setdefault(row.name, []).append(place)
    found = [""] * len(rows)
    for places in alike.values():
        if len(places) > 1:
            some = [rows[place] for place in places]
            for place, suffix in zip(places, _with_keys(some, _by_parameters(some)), strict=True):
                found[place] = suffix
    return found


def in_common(definitions: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the parameters that definitions have in common; those that are not known do not count."""
    first, *others = [one for one in definitions if one] or [{}]
    return {path: value for path, value in first.items() if all(other.get(path) == value for other in others)}


def _by_parameters(rows: Sequence[Named]) -> list[str]:
    """Return for each row as few parameters as tell it from the others, as far as parameters do: ` [growth=8]`."""
    paths = [path for path in dict.fromkeys(path for row in rows for path in row.params) if _is_defining(path)]
    paths = sorted(paths, key=lambda path: _place(path, rows))
    chosen: list[str] = []
    for _ in rows:
        told = {path: _told_apart(rows, [*chosen, path]) for path in paths}
        best = max(told, key=lambda path: told[path], default=None)  # the first of equals
        if best is None or told[best] == _told_apart(rows, chosen):
            break
        chosen.append(best)
    texts = {path: _texts(path, paths, [row.params.get(path) for row in rows]) for path in chosen}
    needed = _needed(rows, chosen)
    return [_shown([texts[path][place] for path in chosen[: needed[place]]]) for place in range(len(rows))]


def _needed(rows: Sequence[Named], chosen: Sequence[str]) -> list[int]:
    """Return how many of the chosen parameters tell each row from all others; all of them where they do not."""
    needed = [len(chosen)] * len(rows)
    for count in reversed(range(1, len(chosen))):
        values = [tuple(row.params.get(path) for path in chosen[:count]) for row in rows]
        rare = Counter(values)
        needed = [count if rare[value] == 1 else before for value, before in zip(values, needed, strict=True)]
    return needed


def _shown(texts: Sequence[str]) -> str:
    known = [text for text in texts if text]
    return f" [{', '.join(known)}]" if known else ""


def _texts(path: str, paths: Sequence[str], values: Sequence[str | None]) -> list[str]:
    """Return a parameter of each row, `lr=0.05`: as much of its path as is unambiguous, and as many digits."""
    parts = path.split(".")
    tails = [".".join(parts[start:]) for start in reversed(range(len(parts)))]
    name = next(
        (tail for tail in tails if not any(f".{other}".endswith(f".{tail}") for other in paths if other != path)), path
    )
    short = [None if value is None else _rounded(value) for value in values]
    distinct = len({*short}) == len({*values})
    return ["" if value is None else f"{name}={value}" for value in (short if distinct else values)]


def _rounded(value: str) -> str:
    is_long = len(value) > DIGITS and re.fullmatch(r"-?\d+\.\d+(e-?\d+)?", value)
    return f"{float(value):.4g}" if is_long else value


def _is_defining(path: str) -> bool:
    return path not in NO_DEFINITION and not path.startswith(NAMES_OF_MAIN)


def _place(path: str, rows: Sequence[Named]) -> tuple[bool, int]:
    part = path.partition(".")[0]
    # A version that does not know a parameter yet lacks it: that is not what makes its definition another one.
    return not all(path in row.params for row in rows), PARTS.index(part) if part in PARTS else len(PARTS)


def _told_apart(rows: Sequence[Named], paths: Sequence[str]) -> int:
    return len({tuple(row.params.get(path) for path in paths) for row in rows})


def _with_keys(rows: Sequence[Named], found: Sequence[str]) -> list[str]:
    """Return suffixes with the beginnings of the keys that differ, where suffixes are still alike."""
    alike: dict[str, list[Named]] = {}
    for row, suffix in zip(rows, found, strict=True):
        alike.setdefault(suffix, []).append(row)
    return [f"{suffix}{_keys(row, alike[suffix])}" for row, suffix in zip(rows, found, strict=True)]


def _keys(row: Named, alike: Sequence[Named]) -> str:
    differing = [key for place, key in enumerate(row.key) if len({other.key[place] for other in alike}) > 1]
    return "".join(f" #{key[:KEY_LENGTH]}" for key in dict.fromkeys(differing) if key)
