"""Words from a store, which somebody else may have filled: made harmless for terminals, papers and pages."""

from rich.text import Text


def one_line(text: str) -> str:
    """Return text without a character that steers a terminal or ends a line; each becomes a question mark."""
    return "".join(character if character.isprintable() else "?" for character in text)


def inert(text: str, style: str = "") -> Text:
    """Return text for a terminal, its lines kept: nothing in it is markup, and nothing steers."""
    return Text("\n".join(map(one_line, text.split("\n"))), style)
