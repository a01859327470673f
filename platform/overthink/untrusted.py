"""Text from a store, which anybody may have written: checked before it is parsed, and before it is shown.

How long it is and how deep it is nested is looked at first, so that no text takes all memory or all of Python's stack.
"""

import json
import re
from typing import Any

from overthink.sentences import cut

LONGEST_JSON = 16_000_000
"""Characters of an artifact: many times the largest provenance."""
DEEPEST_JSON = 50
"""Lists and mappings in one another: many times the deepest definition."""
LONGEST_NAME = 300
LONGEST_REASON = 200
_BRACKETS = re.compile(r'"(?:[^"\\]|\\(?:.|\Z))*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
"""A bracket, or a string with whatever is in it; one pass over any text, whether it is JSON or not."""


def parse_json(text: str, longest: int = LONGEST_JSON) -> Any:
    """Return what JSON holds; raises ValueError, in one clause, where it is none, too long or nested too deep."""
    if len(text) > longest:
        raise ValueError(f"it has {len(text):,} characters, more than {longest:,}")
    if _depth(text) > DEEPEST_JSON:
        raise ValueError(f"it is nested more than {DEEPEST_JSON} deep")
    try:
        found = json.loads(text)
        if "\\ud" in text.lower():  # half a character, which nothing can write
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it is not valid Unicode") from None
    except ValueError as error:
        raise ValueError(f"it is not JSON ({reason(error)})") from None
    return found


def _depth(text: str) -> int:
    if text.count("[") + text.count("{") <= DEEPEST_JSON:
        return 0
    depth = deepest = 0
    for token in _BRACKETS.finditer(text):
        bracket = token[0]
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif bracket in "]}":
            depth -= 1
    return deepest


def one_line(text: str) -> str:
    """Return text without a character that steers a terminal or ends a line; each becomes a question mark."""
    return "".join(character if character.isprintable() else "?" for character in text)


def name_of(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a name as it may be shown: one line, and cut in its middle where it is longer than names are."""
    return text if text.isprintable() and len(text) <= longest else cut(one_line(text), longest)


def in_markdown(text: str, longest: int = 300) -> str:
    """Return somebody's text for a description in Markdown: on one line, without links, pictures and headings."""
    return f"`{name_of(text, longest).replace('`', chr(39))}`" if text else ""


def reason(error: Exception, without: str = "", called: str = "") -> str:
    """Return what an error says, as part of a sentence: one line of at most LONGEST_REASON characters.

    `without` is a text that nobody is to read, such as the path of a temporary file, and `called` what it is called.

    >>> try:
    ...     bytes([65, 210, 65]).decode()
    ... except ValueError as error:
    ...     reason(error)
    'it is not UTF-8 text (byte 2)'
    """
    if isinstance(error, UnicodeDecodeError):
        return f"it is not {error.encoding.upper()} text (byte {error.start + 1})"
    said = str(error).replace(without, called) if without else str(error)
    return cut(one_line(said.strip()), LONGEST_REASON) or type(error).__name__
