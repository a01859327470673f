"""How long a launch still takes: by the epochs that it has seen, and before there are any by paces."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from overthink.launching.estimating.epochs_left import after, epochs_left
from overthink.launching.estimating.makespan import Work, makespan
from overthink.launching.planned_run import TO_DO, PlannedRun
from overthink.running.events import Event, Finished, Lost, Started, ends
from overthink.running.pace import PhaseOfRun
from overthink.training.epoch_record import EpochRecord


@dataclass
class _Mean:
    total: float = 0.0
    count: int = 0

    def add(self, seconds: float) -> None:
        self.total += seconds
        self.count += 1

    @property
    def value(self) -> float | None:
        return self.total / self.count if self.count else None


@dataclass
class _Unfinished:
    """A run that has not ended."""

    run: PlannedRun
    phases: tuple[str, ...]
    """Keys of its phases."""
    left: tuple[int, ...]
    """Epochs of each phase."""
    since: float | None = None
    """When its epoch began; None while it waits."""


class TimeLeft:
    """Follows the runs of a launch. Each kind of phase has its own time of an epoch, by the clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._runs: dict[str, _Unfinished] = {}
        self._workers = 1
        self._epochs: dict[str, _Mean] = {}
        """Key of a phase -> seconds of an epoch, as seen."""
        self._all, self._finish, self._expected = _Mean(), _Mean(), _Mean()
        """Seconds of all epochs and of all ends of runs, as seen; of the same epochs that have a pace, by it."""
        self._of_paced = _Mean()
        """Of epochs that have a pace, as seen."""

    def plan(self, runs: Sequence[PlannedRun]) -> None:
        """Take the runs that are planned."""
        keys: dict[str, tuple[str, ...]] = {}
        for run in (run for run in runs if run.action in TO_DO):
            group = run.group.definition.key
            keys.setdefault(group, tuple(PhaseOfRun(run.run, phase).key for phase in range(len(run.run.regime))))
            self._runs[run.key] = _Unfinished(run, keys[group], epochs_left(run))
            self._workers = max(self._workers, run.at_once or 1)

    def note(self, run: PlannedRun, event: Event) -> None:
        """Take an event of a run."""
        one, now = self._runs.get(run.key), self._clock()
        if one is None:
            return
        match event:
            case Started():
                one.left, one.since = after(run.run.regime, len(event.history)), now
            case EpochRecord():
                if one.since is not None:
                    self._saw(one, event.phase - 1, now - one.since)
                one.left, one.since = after(run.run.regime, event.epoch), now
            case Lost():
                one.since = None
            case _ if ends(event):
                if isinstance(event, Finished) and one.since is not None:
                    self._finish.add(now - one.since)
                del self._runs[run.key]

    @property
    def runs(self) -> int:
        """How many runs have not ended."""
        return len(self._runs)

    def of_run(self, key: str) -> float | None:
        """Return the seconds that a run still takes; None where that is not known."""
        one = self._runs.get(key)
        return None if one is None else self._seconds(one)

    def of_all(self) -> float | None:
        """Return the seconds until all runs have ended; None where that is not known."""
        works = []
        for one in sorted(self._runs.values(), key=lambda one: one.since is None):  # those at work come first
            if (seconds := self._seconds(one)) is None:
                return None
            works.append(Work(one.run.key, seconds, frozenset(need.key for need in one.run.needs)))
        return makespan(works, self._workers)

    def _saw(self, one: _Unfinished, phase: int, seconds: float) -> None:
        self._epochs.setdefault(one.phases[phase], _Mean()).add(seconds)
        self._all.add(seconds)
        if one.run.pace is not None:
            self._of_paced.add(seconds)
            self._expected.add(one.run.pace.epochs[phase])

    def _seconds(self, one: _Unfinished) -> float | None:
        seconds = 0.0
        for phase, count in enumerate(one.left):
            of_one = self._epoch(one, phase)
            if count and of_one is None:
                return None
            seconds += count * (of_one or 0.0)
        pace = one.run.pace
        finish = self._finish.value if self._finish.count or pace is None else pace.finish * self._slower
        passed = self._clock() - one.since if one.since is not None else 0.0
        return max(seconds + (finish or 0.0) - passed, 0.0)

    def _epoch(self, one: _Unfinished, phase: int) -> float | None:
        """Return the seconds of an epoch: as seen, else by its pace, corrected by what was seen of others."""
        if (seen := self._epochs.get(one.phases[phase])) is not None:
            return seen.value
        return self._all.value if one.run.pace is None else one.run.pace.epochs[phase] * self._slower

    @property
    def _slower(self) -> float:
        """How much longer epochs take than by their paces."""
        return self._of_paced.total / self._expected.total if self._expected.total else 1.0
