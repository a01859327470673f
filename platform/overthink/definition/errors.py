"""Errors in a definition as one sentence that names the file, the key and the value."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from overthink.sentences import LONGEST_SENTENCE, LONGEST_VALUE, cut


class DefinitionError(ValueError):
    """A definition is not valid. The message is one line of at most 500 characters, without control characters."""

    def __init__(self, sentence: str) -> None:
        shown = cut(sentence, 2 * LONGEST_SENTENCE)  # what is escaped becomes longer
        super().__init__(cut("".join(c if c.isprintable() else repr(c)[1:-1] for c in shown)))


MOST_KEYS = 5
"""Unknown keys that are named; more are counted."""
Place = Callable[[Sequence[str]], str]
"""Path of a value -> where it was given: the file, or the option that set it, `--set network.growth=8`."""


def sentence_for(error: ValidationError, model: type[BaseModel], raw: Any, place: Place) -> str:
    """Return a validation error as one sentence about one of its errors, with the number of further errors.

    An unknown key is the first cause of others, and all such keys are named. Where a value may have several forms, each
    gives errors; those of the form that is meant lie deepest.
    """
    details = error.errors(include_url=False)
    paths = [_path(entry, raw) for entry in details]
    unknown = [place for place, entry in enumerate(details) if entry["type"] == "extra_forbidden"]
    first = unknown[0] if unknown else max(range(len(details)), key=lambda place: len(paths[place]))
    path = paths[first]
    keys = list(dict.fromkeys(tuple(paths[place]) for place in unknown))
    if len(keys) > 1:
        return _unknown_keys(keys, len(set(map(tuple, paths))), model, place)
    alternatives = [entry for entry, its in zip(details, paths, strict=True) if its == path]
    others = len(set(map(tuple, paths))) - 1
    given = place([*path, "kind"] if details[first]["type"] == "union_tag_invalid" else path)
    where = f"{given}: " if not path or given.startswith(f"--set {_dotted(path)}=") else f"{given}: {_dotted(path)}: "
    return where + _what(details[first], alternatives, path, model) + (f" (and {others} more)" if others else "")


def _unknown_keys(paths: Sequence[tuple[str, ...]], count: int, model: type[BaseModel], place: Place) -> str:
    """Return which keys are unknown, by the file or the options that they are of."""
    named: dict[str, list[str]] = {}
    for path in paths[:MOST_KEYS]:
        hint = nearest(path[-1], _known_beside(path, model)).removeprefix("; ").removesuffix("?")
        named.setdefault(place(path), []).append(f"{_dotted(path)}{f' ({hint}?)' if hint else ''}")
    said = [f"{where}: unknown key{'s' * (len(keys) > 1)} {', '.join(keys)}" for where, keys in named.items()]
    more = count - min(len(paths), MOST_KEYS)
    return "; ".join(said) + (f" (and {more} more)" if more else "")


def _dotted(path: Sequence[str]) -> str:
    return ".".join(cut(part, LONGEST_VALUE) for part in path)


def _known_beside(path: Sequence[str], model: type[BaseModel]) -> list[str]:
    """Return the keys that could be meant; the key itself can be known, for another kind of the same part."""
    return sorted(_properties_at(model.model_json_schema(), path[:-1]) - {path[-1]})


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint with the known word nearest to a mistaken one, or an empty text.

    >>> nearest("epoch", ["lr", "epochs"])
    "; did you mean 'epochs'?"
    """
    found = closest(word, known)
    return "" if found is None else f"; did you mean {found!r}?"


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word nearest to a mistaken one; None where none is near."""
    names = sorted(known)
    turned = [name for name in names if sorted(name) == sorted(word)]  # "rl", which is not close to "lr"
    return next(iter(turned or get_close_matches(word, names, n=1, cutoff=0.6)), None)


EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    **dict.fromkeys(("tuple_type", "list_type"), "a list"),
    **dict.fromkeys(("model_type", "dict_type"), "keys and values"),
}
"""pydantic's type of error -> what the value should have been."""


FORMS = {
    r"^[a-z0-9][a-z0-9.+-]{0,99}$": "a name of lower-case letters and digits, after the first character also "
    ". + and -, of at most 100 characters",
    r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$": "a class such as my_package.nets:MyNet",
    r"^[A-Za-z_][\w.]*$": "the name of a node, such as layer2.1",
    r"^[a-z][a-z0-9_]*$": "the name of a model, such as resnet18",
    r"^[A-Za-z0-9_]+$": "the name of weights, such as DEFAULT",
    r"\.(safetensors|pt|pth|tar)$": "a file that ends in .safetensors, .pt, .pth or .tar",
    "^[0-9a-f]{64}$": "64 hexadecimal digits",
}
"""Pattern of a text in definitions -> what it should have been."""


def _what(first: ErrorDetails, alternatives: list[ErrorDetails], path: list[str], model: type[BaseModel]) -> str:
    if first["type"] == "extra_forbidden":
        known = _known_beside(path, model)
        hint = nearest(path[-1], known) or f"; known keys: {', '.join(known)}"
        return f"unknown key {_shown(path[-1])}{hint}"
    if first["type"] == "missing":
        return "this key is required"
    if first["type"] == "union_tag_not_found":
        return f"a kind is required, got {_shown(first['input'])}"
    if first["type"] == "union_tag_invalid":
        return f"unknown kind {_shown(first['ctx']['tag'])}; known kinds: {first['ctx']['expected_tags']}"
    form = FORMS.get(first.get("ctx", {}).get("pattern", ""))
    if first["type"] in EXPECTED or form is not None:
        forms = dict.fromkeys(EXPECTED[entry["type"]] for entry in alternatives if entry["type"] in EXPECTED)
        forms |= {} if form is None else {form: None}
        return f"expected {' or '.join(forms)}, got {_shown(first['input'])}{_hint(path, first['input'])}"
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return message if first["type"] == "value_error" else f"{message}, got {_shown(first['input'])}"


def _hint(path: list[str], value: Any) -> str:
    is_range = path[-1:] == ["seeds"] and isinstance(value, str) and ":" in value
    return "; give a range as a list, [1, 2, 3], or on the command line, --seeds 1:4" if is_range else ""


def _shown(value: Any) -> str:
    return "nothing" if value is None else cut(repr(value), LONGEST_VALUE)


def _path(first: ErrorDetails, raw: Any) -> list[str]:
    """Return the path of an error in the raw data, without the parts that pydantic adds for members of a union."""
    path: list[str] = []
    node = raw
    for part in first["loc"]:
        if part in (range(len(node)) if isinstance(node, list) else node if isinstance(node, dict) else ()):
            node = node[part]
        elif not (first["type"] == "missing" and part == first["loc"][-1]):
            continue
        path.append(str(part))
    return path


def _properties_at(schema: dict[str, Any], path: Sequence[str]) -> set[str]:
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
