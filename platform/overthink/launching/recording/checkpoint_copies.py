"""Copies of a run's checkpoint in the store while it is being trained: with one, it can go on on another machine."""

import time
from contextlib import suppress
from pathlib import Path

from overthink.outbox.run_logger import RunLogger
from overthink.settings import checkpoint_seconds
from overthink.training.regime import OWN_CHECKPOINT


class CheckpointCopies:
    """Sends copies of one run's checkpoint."""

    def __init__(self, logger: RunLogger) -> None:
        self._logger = logger
        self._sent = time.monotonic()
        self._entry = 0
        """The journal's entry that the last copy went with."""

    def send(self, folder: Path) -> None:
        """Send the checkpoint in a run's folder, if it is time; never a second one while the first still waits."""
        journal, file = self._logger.journal, folder / OWN_CHECKPOINT
        due = time.monotonic() - self._sent >= checkpoint_seconds()
        if due and journal.uploaded >= self._entry:
            with suppress(FileNotFoundError):  # between two renames of the worker's: after the next epoch, then
                self._logger.artifacts([file], "checkpoint")
                self._sent, self._entry = time.monotonic(), journal.written
