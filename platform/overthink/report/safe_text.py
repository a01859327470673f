"""Text from a store, which other people may have written, made harmless for terminals, papers and pages.

A terminal of any encoding takes it: what an encoding lacks becomes plain letters.
"""

import codecs
import sys
import unicodedata

from rich.console import Console
from rich.text import Text

from overthink.untrusted import one_line

SUBSTITUTES = "encode_or_substitute"
"""Name of the error handler for encoding what a person reads."""
PLAIN = {
    "±": "+-",
    "Δ": "d",
    "→": "->",
    "×": "x",
    "·": "-",
    "λ": "lambda",
    "≥": ">=",
    "≤": "<=",
    "…": "...",
    **dict.fromkeys("–—−─━", "-"),
    **dict.fromkeys("│┃", "|"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”", '"'),
}


def _substituted(error: UnicodeError) -> tuple[str, int]:
    """Return plain letters for characters that an encoding does not have; a question mark where there are none."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(PLAIN.get(character) or _base(character) or "?" for character in characters), error.end


def _base(character: str) -> str:
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()


codecs.register_error(SUBSTITUTES, _substituted)


def escape_for_terminal(text: str, style: str = "") -> Text:
    """Return text for a terminal, its lines kept: nothing in it is markup, and nothing steers.

    Substitutes are made here, where a table still takes their width into account.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    encoded = "\n".join(map(one_line, text.split("\n"))).encode(encoding, SUBSTITUTES)
    return Text(encoded.decode(encoding), style)


def print_text(console: Console, text: str) -> None:
    """Print text as it is: escaped, and never broken inside a path or an address."""
    console.print(escape_for_terminal(text), soft_wrap=True)
