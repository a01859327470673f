"""Text from a store, which other people may have written, made harmless for terminals, papers and pages."""

from rich.console import Console
from rich.text import Text


def one_line(text: str) -> str:
    """Return text without a character that steers a terminal or ends a line; each becomes a question mark."""
    return "".join(character if character.isprintable() else "?" for character in text)


def escape_for_terminal(text: str, style: str = "") -> Text:
    """Return text for a terminal, its lines kept: nothing in it is markup, and nothing steers."""
    return Text("\n".join(map(one_line, text.split("\n"))), style)


def print_text(console: Console, text: str) -> None:
    """Print text as it is: escaped, and never broken inside a path or an address."""
    console.print(escape_for_terminal(text), soft_wrap=True)
