"""What `--set` changed of a definition: dotted path -> value, in the order in which the values were set."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, JsonValue


def changes_text(changes: Mapping[str, JsonValue]) -> str:
    """Return changes as people read them: `network.growth=8, regime.0.drops=[1, 2]`; never parsed again."""
    return ", ".join(f"{path}={_shown(value)}" for path, value in changes.items())


def changes_from_text(text: str) -> dict[str, JsonValue]:
    """Return the changes that earlier versions stored as text alone, as well as they can be read.

    A comma within a value is not followed by a path and an equals sign. What is no JSON is a string, and what was a
    string that reads as JSON (`"8"`) is taken for that (8).
    """
    settings = [part.partition("=") for part in re.split(r", (?=[a-z_][\w.]*=)", text)]
    return {path: _read(value) for path, equals, value in settings if equals}


def _read(value: str) -> JsonValue:
    try:
        return json.loads(value)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        return value


def _shown(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def as_setting(path: str, value: JsonValue) -> str:
    """Return one change as `--set` takes it: `network.growth=8`; a string that YAML would not read as one is quoted."""
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w./-]*", value) and value.lower() not in YAML_WORDS
    return f"{path}={value if plain else json.dumps(value)}"


YAML_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}
"""Words that YAML 1.1 does not read as strings."""


def _from_text(given: Any) -> Any:
    return changes_from_text(given) if isinstance(given, str) else given


Changes = Annotated[dict[str, JsonValue], BeforeValidator(_from_text)]
"""Of a pydantic model: changes, or the text of earlier versions."""
