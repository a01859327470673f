"""Definitions with mistakes: of values, keys, types and structure, and of the text itself."""

import copy
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

Place = tuple[Any, Any]
"""A list or mapping, and an index or key of it."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, "", "x", [], {}, [[]], [{}], {"": 1}, {"x": {}}, [None], [1, "a"], "a b", "1", "true"),
    *(0, -1, 1, 2, 7, 64, 1000, 10**6, 2**31, 2**63, 2**64, 10**30, -(2**63), 0.5, -0.5, 1.0, 1e-300, 1e308, 0.1 + 0.2),
    *("1:30", "on", "off", "yes", "1_000", "0o17", "1e-3", ".nan", "~", "null", "<<", "*", "&a", "!!set", "{}", "[1]"),
    *(
        "x" * 120,
        "x" * 300,
        "x" * 30_000,
        "é" * 200,
        "😀" * 90,
        "a\nb",
        "a\tb",
        "\u202eb",
        "größe",
        "[red]",
        "{a}",
        "%s",
    ),
    *("/dev/zero", "/dev/stdin", "/etc/passwd", "/", ".", "..", "~", "~nobody/a", "../" * 999, "quickstart", "run:123"),
    *("same", "msdnet", "resnet", "folder", "npz", "joint", "isc", "sweep", "study", "all", "quickstart.yaml", "a/b"),
    *([0] * 5000, list(range(3000)), ["x"] * 3000, [[[[[[[[[[[[]]]]]]]]]]]], {f"k{n}": n for n in range(2000)}),
)
RAW = (
    *("!!binary aGk=", "!!timestamp 2001-01-01", "!!set {a}", "!!omap [a: 1]", "!!bool x", "!!int 3", "!foo x", "! 1"),
    *("!!python/object/apply:os.system [ls]", "!!float 1:30", "&a 1", "&a [*a]", "*a", "*nowhere", "&a {<<: *a}"),
    *("1:30", "1:30.5", "010", "0o17", "0x1F", "1_000", "1e5", "1E5", "1.5e0", ".5", "1.", ".inf", "-.INF", ".nan"),
    *("1e999", "9" * 5000, f"0x{'f' * 5000}", "0." + "0" * 5000 + "1", "on", "Yes", "y", "NULL", "2001-01-01", "="),
    *("[", "]", "{", "}", "'", '"', "|", ">-", "? a", ": b", "- c", "#", "@", "`", "%", ",", "a: b: c", "{a:1}", "{a}"),
    *('"\\ud83d\\ude00"', '"\\ud800"', '"\\0"', '"\\e[31m"', '"\\UFFFFFFFF"', '"\\x"', '"\\', "'a\n\nb'", "|\n x"),
    *(
        "\0",
        "\x1b[2J",
        "\x7f",
        "\ufeff",
        "\ufffe",
        "\t",
        "\r",
        "\x85",
        "\u2028",
        "\n---\n",
        "\n...\n",
        "%YAML 1.1\n---\n",
    ),
    *("[" * 500, "{a: " * 500, "- " * 500, "? " * 200, "x" * 2000, "x: " * 20, "é" * 2000, " " * 20_000, "\n" * 3000),
    *("[" + "1, " * 9000 + "]", "[&a [1], " + "*a, " * 5000 + "]", "<<: {seeds: 1}", "seeds: 1:30", "kind: sweep"),
)


def mutated(chance: random.Random, text: str, others: list[Any]) -> bytes:
    """Return a definition's text with one to four mistakes; `others` are parts of other definitions."""
    data = yaml.safe_load(text)
    for _ in range(chance.choice((0, 1, 1, 1, 1, 2, 3))):
        data = chance.choice(STRUCTURAL)(chance, data, others)
    changed = yaml.dump(
        data, Dumper=yaml.SafeDumper, sort_keys=False, allow_unicode=True, width=chance.choice((80, 10**6))
    )
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        changed = chance.choice(TEXTUAL)(chance, changed)
    encoded = changed.encode(chance.choice(("utf-8",) * 12 + ("utf-16", "utf-8-sig", "latin-1")), "replace")
    return bytes_changed(chance, encoded) if chance.random() < 0.05 else encoded


def restructured(chance: random.Random, data: Any, others: list[Any]) -> Any:
    """Return plain data with another form at one place."""
    return chance.choice(STRUCTURAL)(chance, data, others)


def parts(data: Any) -> Iterator[Any]:
    """Yield every value within plain data."""
    yield data
    for _, child in _items(data):
        yield from parts(child)


def _items(data: Any) -> list[tuple[Any, Any]]:
    if isinstance(data, dict):
        return list(data.items())
    return list(enumerate(data)) if isinstance(data, list) else []


def _places(data: Any) -> list[Place]:
    return [(node, key) for node in parts(data) if isinstance(node, dict | list) for key, _ in _items(node)]


def _at_a_place(change: Callable[[random.Random, Any, Any, list[Any]], None]) -> Callable[..., Any]:
    """Return a mutation that changes plain data at a place chosen by chance."""

    def mutation(chance: random.Random, data: Any, others: list[Any]) -> Any:
        changed = copy.deepcopy(data)
        if places := _places(changed):
            change(chance, *chance.choice(places), others)
        return changed

    return mutation


def _value(chance: random.Random, node: Any, key: Any, _others: list[Any]) -> None:
    node[key] = copy.deepcopy(chance.choice(VALUES))


def _number(chance: random.Random, node: Any, key: Any, _others: list[Any]) -> None:
    if isinstance(node[key], int | float):
        node[key] = chance.choice(
            (node[key] * 10, -node[key], node[key] + 1, float(node[key]), node[key] * 1000, str(node[key]))
        )
    else:
        node[key] = chance.choice((0, 1, 2, 3, 5, 100))


def _foreign(chance: random.Random, node: Any, key: Any, others: list[Any]) -> None:
    node[key] = copy.deepcopy(chance.choice(others))


def _wrap(chance: random.Random, node: Any, key: Any, _others: list[Any]) -> None:
    node[key] = chance.choice(([node[key]], {"x": node[key]}, [node[key]] * 40, {"kind": node[key]}))


def _delete(_chance: random.Random, node: Any, key: Any, _others: list[Any]) -> None:
    del node[key]


def _rename(chance: random.Random, node: Any, key: Any, _others: list[Any]) -> None:
    if isinstance(node, dict):
        names = (
            f"{key}x",
            str(key)[:-1],
            str(key).upper(),
            "kind",
            "x" * 300,
            "",
            "on",
            1,
            None,
            "a.b.c",
            f"{key}.0",
            "<<",
            "é",
        )
        node[chance.choice(names)] = node.pop(key)


def _add(chance: random.Random, node: Any, key: Any, others: list[Any]) -> None:
    keys = (
        "policy",
        "variants",
        "arms",
        "repeats",
        "base",
        "kind",
        "augment",
        "reported",
        "when",
        "set",
        "regime.0.lr",
        "of",
    )
    value = copy.deepcopy(chance.choice((*others, *VALUES)))
    if isinstance(node, dict):
        node[chance.choice((*keys, "x"))] = value
    else:
        node.insert(key, value)


STRUCTURAL = tuple(map(_at_a_place, (_value, _value, _number, _number, _foreign, _wrap, _delete, _rename, _add)))


def _raw_value(chance: random.Random, text: str) -> str:
    """Replace a value of the text by what no dumper would write."""
    found = list(re.finditer(r"(?<=[:\-,] )[^\s].*$", text, re.MULTILINE))
    if not found:
        return text
    match = chance.choice(found)
    return text[: match.start()] + chance.choice(RAW) + text[match.end() :]


def _inserted(chance: random.Random, text: str) -> str:
    place = chance.randrange(len(text) + 1)
    return text[:place] + chance.choice(RAW) + text[place:]


def _line(chance: random.Random, text: str) -> str:
    lines = text.split("\n")
    place = chance.randrange(len(lines))
    match chance.randrange(4):
        case 0:
            lines.insert(place, chance.choice(lines))
        case 1:
            del lines[place]
        case 2:
            lines[place] = chance.choice(("  ", "\t", "- ", "#", " ")) + lines[place]
        case _:
            lines[place] = lines[place].lstrip()
    return "\n".join(lines)


def _cut(chance: random.Random, text: str) -> str:
    return text[: chance.randrange(len(text) + 1)]


TEXTUAL = (_raw_value, _raw_value, _raw_value, _inserted, _line, _cut)


def bytes_changed(chance: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randrange(1, 5)):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)
