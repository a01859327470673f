"""Where a session gets more runs from while it trains."""

from collections.abc import Sequence
from typing import Protocol

from overthink.launching.planned_run import PlannedRun


class RunSource(Protocol):
    """Supplies a session with more runs as others end."""

    def after(self, ended: PlannedRun) -> Sequence[PlannedRun]:
        """Return the runs to train now that one has ended."""

    def heartbeat(self) -> None:
        """Renew heartbeats of its own; called once a minute."""


class NoMoreRuns:
    """A source for a launch whose runs are known from the start."""

    def after(self, ended: PlannedRun) -> Sequence[PlannedRun]:
        """Return nothing."""
        return ()

    def heartbeat(self) -> None:
        """Do nothing."""
