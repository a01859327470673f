"""Intervals over test samples for a command's table: the option, and a message where reading predictions takes long."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from overthink.cli.options import check_choice
from overthink.report.safe_text import print_text
from overthink.sentences import number_of

if TYPE_CHECKING:
    from overthink.comparison.intervals import Read
    from overthink.comparison.overthinking import Row
    from overthink.predictions.correctness import Correctness
    from overthink.statistics.estimate import Over

CHOICES: "dict[str, Over]" = {"seeds": "seeds", "samples": "samples", "both": "both"}
PATIENCE = 2.0
"""Seconds of reading after which a command says what it does."""


def parse_over(text: str) -> "Over":
    """Return what intervals are to hold for; raises ValueError naming the option for an unknown word."""
    check_choice("--interval", text, [*CHOICES])
    return CHOICES[text]


def crossed(rows: "Sequence[Row]", over: "Over", uri: str, console: Console) -> "list[Row]":
    """Return rows with such intervals, from the predictions in a store."""
    from overthink.comparison.intervals import with_intervals
    from overthink.store.correctness import CorrectnessReader

    runs = sum(len(row.run_ids) for row in rows)
    return with_intervals(rows, over, announced(CorrectnessReader(uri), runs, console))


def announced(read: "Read", runs: int, console: Console) -> "Read":
    """Return the same reading, with a message once it has taken PATIENCE."""
    started, said = time.monotonic(), False

    def reading(run_id: str) -> "Correctness":
        nonlocal said
        if not said and time.monotonic() - started > PATIENCE:
            said = True
            print_text(console, f"Reading predictions of {number_of(runs, 'run')}; --interval seeds needs none.")
        return read(run_id)

    return reading
