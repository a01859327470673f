"""What can be trained now, and what waits for another run: one that trains its first phases, or a main network."""

from collections.abc import Sequence

from overthink.launching.planned_run import PlannedRun


class Schedule:
    """The runs that a session is training or is going to train."""

    def __init__(self) -> None:
        self._runs: dict[str, PlannedRun] = {}
        self._waits: dict[str, set[str]] = {}
        """Key of a run that is to be trained -> the keys of those that it waits for."""
        self._needed: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._waits

    def run(self, key: str) -> PlannedRun:
        """Return the run of a key, also of one that has ended."""
        return self._runs[key]

    def is_needed(self, key: str) -> bool:
        """Return whether other runs begin with this one's results, or did."""
        return key in self._needed

    def add(self, runs: Sequence[PlannedRun]) -> list[PlannedRun]:
        """Add runs; return those that wait for no other one, the ones that others wait for first."""
        self._runs |= {run.key: run for run in runs}
        self._waits |= {run.key: set[str]() for run in runs}
        for run in runs:  # waiting is for runs of this schedule; those of other processes count as missing
            needs = {need.key for need in run.needs if not need.run_id}
            self._waits[run.key] = needs & self._waits.keys()
        self._needed |= set[str]().union(*self._waits.values())
        return sorted((run for run in runs if not self._waits[run.key]), key=lambda run: not self.is_needed(run.key))

    def remove(self, run: PlannedRun) -> list[PlannedRun]:
        """Remove a run that has ended; return those that waited for it alone."""
        del self._waits[run.key]
        freed = [key for key, needs in self._waits.items() if run.key in needs]
        for key in freed:
            self._waits[key].remove(run.key)
        return [self._runs[key] for key in freed if not self._waits[key]]
