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


def note(obstacles: Sequence[str]) -> None:
    """Say of each obstacle that nothing could be trained as long as it is there."""
    for sentence in obstacles:
        print_text(log(), f"Cannot be trained here yet: {sentence}.")
