"""Copies of a run's checkpoint in the store while it is being trained: with one, another machine can resume it."""

import time
from contextlib import suppress
from pathlib import Path

from overthink.outbox.run_logger import RunLogger
from overthink.settings import checkpoint_seconds
from overthink.training.regime import OWN_CHECKPOINT


class CheckpointCopies:
    """Logs copies of one run's checkpoint."""

    def __init__(self, logger: RunLogger) -> None:
        self._logger = logger
        self._sent = time.monotonic()

    def send(self, folder: Path) -> None:
        """Log the checkpoint in a run's folder, if it is time; never a second one while the first is uploading."""
        due = time.monotonic() - self._sent >= checkpoint_seconds()
        if due and not self._logger.is_uploading(f"checkpoint/{OWN_CHECKPOINT}"):
            with suppress(FileNotFoundError):  # between two renames of the worker's: after the next epoch, then
                self._logger.artifacts([folder / OWN_CHECKPOINT], "checkpoint")
                self._sent = time.monotonic()
