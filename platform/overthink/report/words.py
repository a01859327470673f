"""Cells of words in a terminal's tables: where lines may break, so that no number and no name is cut in two."""

import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement

from overthink.report.safe_text import escape_for_terminal

WIDEST_PIECE = 20
"""Characters that a column of words has room for; a piece that is longer may be cut where a terminal is narrow."""
_BREAKS = re.compile(r"(?<=[/,])(?=.)|(?<=.)(?==)|(?<=\D\.)(?=.)|(?<=\.)(?=\D)")
"""Within a word: after / and a comma, before = so that a value never seems a number of the next column, and after a dot
that is not between two digits, as in `regime.0.lr=0.05`."""
_HYPHENS = re.compile(r"(?<=\w-)(?=[A-Za-z])")
"""In what is too long all the same, such as `split0-init0-order3-augment0`."""


class Words:
    """Text that is broken at spaces, and within a word only where `pieces` does, unless a piece is longer than that."""

    def __init__(self, text: str) -> None:
        self._lines = escape_for_terminal(text).plain.split("\n")

    @property
    def least_width(self) -> int:
        """The width of its longest piece, at most WIDEST_PIECE."""
        return min(max((cell_len(one) for line in self._lines for one in pieces(line)), default=1), WIDEST_PIECE)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Return the least width, and that of its longest line."""
        longest = max(map(cell_len, self._lines))
        return Measurement(min(self.least_width, options.max_width), min(max(longest, 1), options.max_width))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Yield its lines."""
        lines = [part for line in self._lines for part in broken(line, options.max_width)]
        text = escape_for_terminal("\n".join(lines))
        text.overflow = "fold"
        yield text


def pieces(line: str) -> list[str]:
    """Return what a line is never broken within.

    >>> pieces("long [regime.0.lr=0.05, seeds=1,2]")
    ['long', '[regime.', '0.', 'lr', '=0.05,', 'seeds', '=1,', '2]']
    """
    parts = [part for word in line.split() for part in _BREAKS.split(word)]
    return [piece for part in parts for piece in (_HYPHENS.split(part) if cell_len(part) > WIDEST_PIECE else [part])]


def broken(line: str, width: int) -> list[str]:
    """Return a line as lines of a width, broken at spaces, and within a word that is too long between its pieces.

    >>> broken("long [regime.0.lr=0.05]", 12)
    ['long', '[regime.0.lr', '=0.05]']
    """
    lines = [""]
    for word in line.split():
        if cell_len(word) <= width:
            _append(lines, [word], width)
        else:
            _append(lines, pieces(word), width)
    return lines


def _append(lines: list[str], parts: list[str], width: int) -> None:
    """Append the parts of a word: to the last line where they fit, else to new ones."""
    space = " " if lines[-1] else ""
    for part in parts:
        if cell_len(lines[-1] + space + part) <= width or not lines[-1]:
            lines[-1] += space + part
        else:
            lines.append(part)
        space = ""
