"""Copies of a run's checkpoint in the store while it is being trained: with one, it can go on on another machine."""

import os
import time
from pathlib import Path

from overthink.tracking.account import Account
from overthink.training.regime import OWN_CHECKPOINT

SECONDS = 60.0


def checkpoint_seconds() -> float:
    """Return how many seconds lie between two copies at least: OVERTHINK_CHECKPOINT_SECONDS, else a minute."""
    text = os.environ.get("OVERTHINK_CHECKPOINT_SECONDS") or str(SECONDS)
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"OVERTHINK_CHECKPOINT_SECONDS={text}: expected seconds") from None


class CheckpointCopies:
    """Sends copies of one run's checkpoint."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._sent = time.monotonic()
        self._entry = 0
        """The journal's entry that the last copy went with."""

    def send(self, folder: Path) -> None:
        """Send the checkpoint in a run's folder, if it is time; never a second one while the first still waits."""
        journal, file = self._account.journal, folder / OWN_CHECKPOINT
        due = time.monotonic() - self._sent >= checkpoint_seconds()
        if due and journal.delivered >= self._entry and file.exists():
            self._account.artifacts([file], "checkpoint")
            self._sent, self._entry = time.monotonic(), journal.written
