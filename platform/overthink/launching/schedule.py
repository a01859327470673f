"""What can be trained now, and what waits for another run: one that trains its first phases, or a main network."""

from collections.abc import Sequence

from overthink.launching.plan import PlannedRun


class Schedule:
    """The runs that a session is at or is going to train."""

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
        """Tell whether others on the list build on a run, or did."""
        return key in self._needed

    def take_up(self, runs: Sequence[PlannedRun]) -> list[PlannedRun]:
        """Add runs; return those that wait for no other one, the ones that others wait for first."""
        self._runs |= {run.key: run for run in runs}
        self._waits |= {run.key: set[str]() for run in runs}
        for run in runs:  # for what is on the list; what other processes are at is as good as not there
            needs = {need.key for need in (run.parent, run.main) if need and not need.run_id}
            self._waits[run.key] = needs & self._waits.keys()
        self._needed |= set[str]().union(*self._waits.values())
        return sorted((run for run in runs if not self._waits[run.key]), key=lambda run: not self.is_needed(run.key))

    def ended(self, run: PlannedRun) -> list[PlannedRun]:
        """Strike a run off; return those that waited for it alone."""
        del self._waits[run.key]
        freed = [key for key, needs in self._waits.items() if run.key in needs]
        for key in freed:
            self._waits[key].remove(run.key)
        return [self._runs[key] for key in freed if not self._waits[key]]
