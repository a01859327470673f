"""How often runs lose their machines without progress: once too often, the run itself is at fault."""

from collections import Counter

MOST_LOSSES = 3
"""Machines that a run may lose without an epoch of progress."""


class LostMachines:
    """Counts losses by the keys of runs."""

    def __init__(self) -> None:
        self._losses = Counter[str]()
        """Since the last progress."""
        self._furthest = Counter[str]()
        """The last epoch that was reached."""

    def note_progress(self, key: str, epoch: int) -> None:
        """Reset the count where an epoch is further than any before."""
        if epoch > self._furthest[key]:
            self._furthest[key], self._losses[key] = epoch, 0

    def too_often(self, key: str) -> bool:
        """Count a loss; return whether there are too many."""
        self._losses[key] += 1
        return self._losses[key] > MOST_LOSSES
