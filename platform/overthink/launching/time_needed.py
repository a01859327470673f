"""How long what is planned takes, by earlier runs of the store on the same data with the same network and kernels."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from overthink.comparison.stored_runs import stored_runs
from overthink.launching.plan import TO_DO, PlannedRun
from overthink.launching.recording.facts import group_tags
from overthink.launching.shared_epochs import own_epochs
from overthink.store import tags
from overthink.store.raw_run import RawRun
from overthink.store.stored import ASKED, StoredRun
from overthink.store.uri import database_file
from overthink.training.regime import total_epochs

Like = tuple[str, str, str]
"""Keys of data set and network, and kernels: what the time of an epoch depends on most."""


class TimeNeeded(NamedTuple):
    """An estimate, and what it is from."""

    runs: int
    """To do."""
    known: int
    """Of these, the runs whose time can be told."""
    seconds: float
    """Of the known ones, with `jobs` at once."""
    jobs: int
    earlier: int
    """Finished runs that it is from."""
    spared: float = 0.0
    """Seconds that the epochs would take which forks share with their trunks."""

    @property
    def text(self) -> str:
        """One sentence, with its source."""
        at_once = f" with {self.jobs} jobs" if self.jobs > 1 else ""
        of = f"{self.known} of {self.runs} runs" if self.known < self.runs else _counted(self.runs, "run")
        spared = f" What forks share would take {_shown(self.spared)} more of one job." if self.spared else ""
        return f"About {_shown(self.seconds)} for {of}{at_once}, by {_counted(self.earlier, 'earlier run')}.{spared}"


def time_needed(runs: Sequence[PlannedRun], stored: Sequence[StoredRun], jobs: int) -> TimeNeeded | None:
    """Return how long runs that are to do take, by finished runs; None where no finished run is like one of them.

    A run takes its epochs times the median of seconds per epoch, over finished runs of the same data set, network and
    kernels, from their start to their end (so all of loading, evaluation and pages counts). Runs that began from
    another one's phases are left out, since their epochs are not all their own. A fork takes its own epochs. Those that
    a checkpoint or another run's phases spare are counted, so the estimate is rather too long.
    """
    to_do = [run for run in runs if run.action in TO_DO]
    like = {run.group.definition.key: _like_of(run) for run in to_do}
    per_epoch: dict[Like, list[float]] = {one: [] for one in like.values()}
    for run in stored:
        of = (run.dataset.key, run.network.key, run.kernels)
        if of in per_epoch and (seconds := _seconds_per_epoch(run)) is not None:
            per_epoch[of].append(seconds)
    known = [(run, median(took)) for run in to_do if (took := per_epoch[like[run.group.definition.key]])]
    if not known:
        return None
    each = [own_epochs(run) * of_epoch for run, of_epoch in known]
    spared = sum((total_epochs(run.run.regime) - own_epochs(run)) * of_epoch for run, of_epoch in known)
    at_once = min(max(jobs, 1), len(each))
    seconds = max(sum(each) / at_once, *each)
    return TimeNeeded(len(to_do), len(each), seconds, at_once, sum(map(len, per_epoch.values())), spared)


def needed_by_earlier_runs(runs: Sequence[PlannedRun], uri: str, jobs: int) -> TimeNeeded | None:
    """Return the same by the finished runs of a store; None where it is no SQLite file, since asking takes long."""
    if database_file(uri) is None or not any(run.action in TO_DO for run in runs):
        return None
    return time_needed(runs, stored_runs(metrics=(), uri=uri, params=True), jobs)


def _like_of(run: PlannedRun) -> Like:
    asked = RawRun("", "", "", ASKED, 0, None, {tags.KIND: tags.KIND_RUN, **group_tags(run.experiment, run.group)})
    parsed = asked.parsed()
    return parsed.dataset.key, parsed.network.key, parsed.kernels


def _seconds_per_epoch(run: StoredRun) -> float | None:
    if run.is_group or not run.is_finished or run.imported or run.parent is not None or run.ended_ms is None:
        return None
    phases = [value for name, value in run.params.items() if name.startswith("regime.") and name.endswith(".epochs")]
    epochs = sum(int(value) for value in phases if value.isascii() and value.isdecimal() and len(value) < 7)
    return (run.ended_ms - run.started_ms) / 1000 / epochs if epochs and run.ended_ms > run.started_ms else None


def _shown(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
