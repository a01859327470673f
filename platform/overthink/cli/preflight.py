"""What would keep runs from being trained on this machine: as an error before they begin, or as notes."""

from collections.abc import Sequence

from overthink.cli.output import log
from overthink.report.safe_text import print_text


def refuse(obstacles: Sequence[str]) -> None:
    """Print a line for each obstacle, and raise ValueError for the last one; do nothing where there is none."""
    for sentence in obstacles[:-1]:
        print_text(log(), f"error: {sentence}")
    if obstacles:
        raise ValueError(obstacles[-1])


def note(obstacles: Sequence[str]) -> bool:
    """Say of each obstacle that nothing could be trained as long as it is there; return whether there is one."""
    for sentence in obstacles:
        print_text(log(), f"Cannot be trained here yet: {sentence}.")
    return bool(obstacles)


def would_be_done(what: str, done: str, possible: bool) -> str:
    """Return the last sentence of a dry run: what would be done, or would be if it were possible here."""
    return f"{what} would be {done}{'' if possible else ', once that is possible here'}. Nothing was done (--dry-run)."
