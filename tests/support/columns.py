"""Tables as a terminal shows them."""

from io import StringIO

from rich.console import Console, RenderableType


def in_columns(table: RenderableType, width: int = 80) -> str:
    """Return a table as a terminal of so many columns shows it."""
    text = StringIO()
    Console(file=text, width=width).print(table)
    return text.getvalue()
