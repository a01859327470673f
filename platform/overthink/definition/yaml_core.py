"""YAML as version 1.2's core schema reads it, from text that is not trusted.

PyYAML scans and parses; what its values mean is decided here, since it knows version 1.1 alone. There `1:30` is 90,
`010` is 8, `on` is a truth value, and a tag makes an object (https://yaml.org/spec/1.2.2/#103-core-schema).
"""

import math
import re
from typing import Any

import yaml
from yaml.reader import Reader

DEEPEST = 40
"""Levels of lists and mappings within each other."""
MOST_CHARACTERS = 250_000
"""Of all values, aliases written out: a few of them can stand for more than any memory holds."""
MOST_DIGITS = 100

WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
INTEGERS = ((re.compile(r"[-+]?[0-9]+"), 10), (re.compile(r"0o[0-7]+"), 8), (re.compile(r"0x[0-9a-fA-F]+"), 16))
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class YamlError(ValueError):
    """A text is not readable as YAML; the message says why, and where."""

    def __init__(self, problem: str, mark: yaml.Mark) -> None:
        super().__init__(f"{problem} (line {mark.line + 1}, column {mark.column + 1})")


def parse_yaml(text: str) -> Any:
    """Return the plain data of a YAML text: dict with keys of text, list, str, int, float, bool and None.

    Raises YamlError where the text is no YAML, and for what a definition never needs: tags, merge keys, several
    documents, repeated keys, keys that are not text, numbers that are not finite, control characters, and texts of
    unreasonable size or depth.

    >>> parse_yaml("[1:30, 010, 1e-4, on, 2026-11-23, ~]")
    ['1:30', 10, 0.0001, 'on', '2026-11-23', None]
    """
    if unreadable := Reader.NON_PRINTABLE.search(text):
        raise YamlError(f"control character {unreadable[0]!r}", _mark_at(text, unreadable.start()))
    loader = _Nodes(text)
    try:
        node = loader.get_single_node()
        return None if node is None else _Values().of(node)
    except yaml.MarkedYAMLError as error:
        raise _sentence(error) from None
    except (ValueError, OverflowError) as error:
        if isinstance(error, YamlError):
            raise
        raise YamlError("an escape that stands for no character", loader.get_mark()) from None
    finally:
        loader.dispose()


def dump_yaml(data: Any, flow: bool | None = False) -> str:
    """Return plain data as a YAML text that `parse_yaml` reads back; `flow` None: innermost collections inline.

    What another version of YAML would read otherwise, such as `on`, is in quotes, too. Characters that a terminal does
    not show, or obeys, are escaped.
    """
    readable, escaped = (
        yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=allowed, width=120, default_flow_style=flow)
        for allowed in (True, False)
    )
    return readable if readable.replace("\n", "").isprintable() else escaped


class _Dumper(yaml.SafeDumper):
    """Writes texts that are numbers in YAML 1.1 or 1.2 in quotes, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _pattern in (FLOAT, *(pattern for pattern, _ in INTEGERS)):
    _Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(f"(?:{_pattern.pattern})$"), [*"-+.0123456789"])


class _Nodes(yaml.BaseLoader):
    """Composes nodes without tags; BaseLoader resolves no scalar."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if (tag := getattr(event, "tag", None)) is not None:
            raise YamlError(f"tag {tag.replace('tag:yaml.org,2002:', '!!')}: {ASK[TAG]}", event.start_mark)
        self._depth += 1
        _check_depth(self._depth, event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


TAG = "tag"
ASK = {
    TAG: "tags are not read; write the value alone, a text in quotes",
    "found another document": "a second document begins; a definition is one document, without ---",
    "cannot start any token": "indent with spaces; a text that begins with a special character needs quotes",
}
"""Part of a problem -> what to do about it."""


def _sentence(error: yaml.MarkedYAMLError) -> YamlError:
    problem, mark = str(error.problem).removeprefix("but "), error.problem_mark
    assert mark is not None
    hint = next((ask for part, ask in ASK.items() if part in problem and part != TAG), None)
    return YamlError(f"{problem}: {hint}" if hint else problem, mark)


class _Values:
    """Turns nodes into values, and counts what they hold."""

    def __init__(self) -> None:
        self._characters = 0

    def of(self, node: yaml.Node, depth: int = 1) -> Any:
        """Return the value of a node at a depth, from 1."""
        _check_depth(depth, node.start_mark)  # a list that holds an alias of itself has no end
        self._count(node)
        match node:
            case yaml.ScalarNode():
                return _scalar(node)
            case yaml.SequenceNode():
                return [self.of(child, depth + 1) for child in node.value]
            case _:
                return self._mapping(node, depth)

    def _mapping(self, node: yaml.Node, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, child in node.value:
            key = self.of(key_node, depth + 1)
            _check_key(key, key_node, found)
            found[key] = self.of(child, depth + 1)
        return found

    def _count(self, node: yaml.Node) -> None:
        self._characters += max(len(node.value), 1) if isinstance(node, yaml.ScalarNode) else 1
        if self._characters > MOST_CHARACTERS:
            raise YamlError(f"more than {MOST_CHARACTERS} characters with its aliases written out", node.start_mark)


def _check_depth(depth: int, mark: yaml.Mark) -> None:
    if depth > DEEPEST:
        raise YamlError(f"more than {DEEPEST} levels of lists and mappings", mark)


def _check_key(key: Any, node: yaml.Node, before: dict[str, Any]) -> None:
    plain = node.value if isinstance(node, yaml.ScalarNode) and node.style is None else ""
    if not isinstance(key, str):
        shown = f'{plain} is not text; write "{plain}" in quotes' if plain else "is not text"
        raise YamlError(f"key {shown}", node.start_mark)
    if plain == "<<":
        raise YamlError("merge keys (<<) are not read, YAML 1.2 has none; write the keys out", node.start_mark)
    if key in before:
        raise YamlError(f"key {key!r} is repeated", node.start_mark)


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if node.style is not None:
        return _quoted(text, node.start_mark)
    if text in WORDS:
        return WORDS[text]
    for pattern, base in INTEGERS:
        if pattern.fullmatch(text):
            if len(text) > MOST_DIGITS:
                raise YamlError(f"a number of {len(text)} digits, at most {MOST_DIGITS} are read", node.start_mark)
            return int(text, base)
    number = float(text) if FLOAT.fullmatch(text) else 0.0
    if NOT_FINITE.fullmatch(text) or not math.isfinite(number):
        raise YamlError(f"{text} is not a finite number", node.start_mark)
    return number if FLOAT.fullmatch(text) else text


def _quoted(text: str, mark: yaml.Mark) -> str:
    """Return a text, in which JSON writes a character beyond U+FFFF as two escapes."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if unreadable := Reader.NON_PRINTABLE.search(text):  # no name, path or sentence needs one
        raise YamlError(f"control character {unreadable[0]!r}", mark)
    return text


def _mark_at(text: str, index: int) -> yaml.Mark:
    before = text[:index]
    return yaml.Mark("", index, before.count("\n"), index - before.rfind("\n") - 1, None, 0)
