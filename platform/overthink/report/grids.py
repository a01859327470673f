"""Small tables of text: for a terminal, for a page, for a paper."""

import html
from collections.abc import Sequence
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table

from overthink.report.safe_text import escape_for_terminal
from overthink.report.words import Words
from overthink.untrusted import one_line

NARROWEST = 12
"""Smallest width, in characters, of a column of words."""


class Grid(NamedTuple):
    """Titles and rows of cells of the same number; the first column names the row."""

    titles: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    words: int = 1
    """Number of columns, from the left, that hold words; the others hold numbers."""


def as_rich(grid: Grid) -> Table:
    """Return the table for a terminal; names in it are never markup."""
    table = empty_table(grid.caption)
    for number, title in enumerate(grid.titles):  # a number is never broken
        texts = (title, *(row[number] for row in grid.rows))
        longest = max((cell_len(word) for text in texts for word in text.split()), default=1)
        table.add_column(
            escape_for_terminal(title.replace(" ", "\n", 1) if number else title),
            justify="left" if number < grid.words else "right",
            overflow="fold",
            min_width=max(Words(text).least_width for text in texts) if number < grid.words else longest,
        )
    for row in grid.rows:
        words, numbers = row[: grid.words], row[grid.words :]
        table.add_row(*map(Words, words), *map(escape_for_terminal, numbers))
    return table


def empty_table(caption: str, heading: str = "") -> Table:
    """Return a table for a terminal, without columns."""
    return Table(
        title=escape_for_terminal(heading) if heading else None,
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        caption=escape_for_terminal(caption) if caption else None,
        caption_justify="left",
    )


def as_html(grid: Grid) -> str:
    """Return an HTML table element; everything in it is escaped."""
    head = "".join(f"<th>{_html(title)}</th>" for title in grid.titles)
    body = "".join("<tr>" + "".join(f"<td>{_html(cell)}</td>" for cell in row) + "</tr>" for row in grid.rows)
    caption = f"<caption>{_html(grid.caption)}</caption>" if grid.caption else ""
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html(cell: str) -> str:
    return "<br>".join(html.escape(one_line(line)) for line in cell.split("\n"))
