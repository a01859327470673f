"""Where a command prints: results to standard output, messages to standard error."""

import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from overthink.cli.terminal import Output, print_raw
from overthink.report.grids import Grid, as_rich
from overthink.report.safe_text import print_text


def log() -> Console:
    """Return the console for messages: standard error, so that standard output holds results only."""
    return Output(stderr=True, highlight=False)


def results() -> Console:
    """Return the console for results: standard output."""
    return Output(highlight=False)


def print_table(table: Table) -> None:
    """Print a table to standard output; where the terminal is too narrow, columns move together and nothing is cut."""
    console, widths = results(), [column.min_width or 1 for column in table.columns]
    gap = 2
    if sum(widths) + gap * (len(widths) - 1) > console.width:
        table.padding, gap = (0, 0, 0, 0), 1
    console.width = max(console.width, sum(widths) + gap * (len(widths) - 1))
    console.print(table, crop=False)  # columns of words may take more than their least width


def print_grid(grid: Grid) -> None:
    """Print a table to standard output."""
    print_table(as_rich(grid))


def print_problems(console: Console, problems: Iterable[str]) -> None:
    """Name the runs with something in the store that cannot be read; of very many, count the others."""
    from overthink.store.unreadable import named  # imports pydantic

    for sentence in named(problems):
        print_text(console, sentence)


def print_json(value: Any) -> None:
    """Print a value as JSON to standard output."""
    print_raw(json.dumps(value, indent=2) + "\n")
