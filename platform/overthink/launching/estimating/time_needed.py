"""How long what is planned takes: by timed steps on this machine, or by earlier runs of the store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import NamedTuple

from overthink.comparison.stored_runs import stored_runs
from overthink.launching.estimating.epochs_left import epochs_left
from overthink.launching.estimating.makespan import Work, makespan
from overthink.launching.estimating.timed import phases_of
from overthink.launching.planned_run import TO_DO, PlannedRun
from overthink.launching.recording.facts import group_tags, parameters
from overthink.launching.shared_epochs import own_epochs
from overthink.running.pace import DURATION, RATES, Pace, RunPace
from overthink.sentences import about, number_of
from overthink.store import tags
from overthink.store.liveness import is_this_machine
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
    """Of these, the runs with a known time."""
    seconds: float
    """Of the known ones, with `jobs` at once."""
    jobs: int
    earlier: int
    """Finished runs that it is from."""
    spared: float = 0.0
    """Seconds that the epochs would take which forks share with their trunks."""
    timed: int = 0
    """Runs whose time is from steps timed on this machine."""

    @property
    def text(self) -> str:
        """One sentence, with its source."""
        at_once = f" with {self.jobs} jobs" if self.jobs > 1 else ""
        of = f"{self.known} of {self.runs} runs" if self.known < self.runs else number_of(self.runs, "run")
        spared = f" What forks share would take {about(self.spared)} more of one job." if self.spared else ""
        sources = [
            *([number_of(self.earlier, "earlier run")] if self.earlier else []),
            *(["steps timed on this machine"] if self.timed else []),
        ]
        return f"About {about(self.seconds)} for {of}{at_once}, by {' and '.join(sources)}.{spared}"


def with_paces(
    runs: Sequence[PlannedRun], stored: Sequence[StoredRun], at_once: int, timed: Mapping[str, Pace] | None = None
) -> list[PlannedRun]:
    """Return planned runs, those to do with their paces where these are known; `timed` are paces by keys of phases.

    By earlier runs, an epoch takes the median of seconds per epoch over finished runs of the same data set, network and
    kernels, from their start to their end (so all of loading, evaluation and pages counts). Those of this machine with
    the same phases and as many runs at once are taken if there are any, else timed steps, else all of them. Runs that
    began from another one's phases are left out, since their epochs are not all their own.
    """
    to_do = [run for run in runs if run.action in TO_DO]
    by_group: dict[str, RunPace | None] = {}
    for run in to_do:
        if (key := run.group.definition.key) not in by_group:
            by_group[key] = _pace(run, stored, at_once, timed or {})
    return [_with(run, by_group[run.group.definition.key], at_once) if run.action in TO_DO else run for run in runs]


def time_needed(runs: Sequence[PlannedRun], jobs: int) -> TimeNeeded | None:
    """Return how long runs that are to do take by their paces; None where no pace is known.

    Runs begin in their order as jobs become free, each after those that it needs. A run takes the epochs that it trains
    itself: not those of its checkpoint, of a trunk, or of phases that another run trains.
    """
    to_do = [run for run in runs if run.action in TO_DO]
    known = [
        (run, run.pace, run.estimated_seconds)
        for run in to_do
        if run.pace is not None and run.estimated_seconds is not None
    ]
    if not known:
        return None
    at_once = min(max(jobs, 1), len(known))
    works = [Work(run.key, seconds, frozenset(need.key for need in run.needs)) for run, _, seconds in known]
    load = max(pace.load for _, pace, _ in known)
    spared = sum(
        (total_epochs(run.run.regime) - own_epochs(run)) * pace.epochs[0] for run, pace, _ in known if pace.epochs
    )
    earlier = {run_id for _, pace, _ in known for run_id in pace.earlier}
    timed = sum(not pace.earlier for _, pace, _ in known)
    return TimeNeeded(len(to_do), len(known), makespan(works, at_once, load), at_once, len(earlier), spared, timed)


def stored_for(runs: Sequence[PlannedRun], uri: str) -> list[StoredRun]:
    """Return the runs of a store; none where it is no SQLite file, since asking takes long, or nothing is to do."""
    if database_file(uri) is None or not any(run.action in TO_DO for run in runs):
        return []
    return stored_runs(metrics=(), uri=uri, params=True)


def _with(run: PlannedRun, pace: RunPace | None, at_once: int) -> PlannedRun:
    seconds = None if pace is None else pace.seconds(epochs_left(run)) + _recording(run, pace)
    return replace(run, pace=pace, estimated_seconds=seconds, at_once=at_once)


def _pace(run: PlannedRun, stored: Sequence[StoredRun], at_once: int, timed: Mapping[str, Pace]) -> RunPace | None:
    like, phases = _like_of(run), _phases(parameters(run.run, run.group.variant))
    alike = [
        one
        for one in stored
        if (one.dataset.key, one.network.key, one.kernels) == like and _seconds_per_epoch(one) is not None
    ]
    same = [
        one
        for one in alike
        if is_this_machine(one.process) and one.at_once == at_once and _phases(one.params) == phases
    ]
    of_phases = [timed[phase.key] for phase in phases_of(run) if phase.key in timed]
    by_steps = _by_steps(run, of_phases) if len(of_phases) == len(phases_of(run)) else None
    if not same and by_steps is not None:
        return by_steps
    took = [seconds for one in same or alike if (seconds := _seconds_per_epoch(one)) is not None]
    if not took:
        return None
    ids = tuple(one.run_id for one in same or alike)
    return RunPace(0.0, (median(took),) * len(run.run.regime), 0.0, ids, tuple(of_phases))


def _by_steps(run: PlannedRun, paces: Sequence[Pace]) -> RunPace:
    load, finish = max(pace.load for pace in paces), paces[-1].finish
    epochs = tuple(pace.epoch for pace in paces) if run.run.regime else ()
    return RunPace(load, epochs, finish, (), tuple(paces))


def _recording(run: PlannedRun, pace: RunPace) -> float:
    """Return the seconds that evaluations of recorded samples take; validation samples are evaluated anyway."""
    spec = run.run.record
    if spec is None or pace.earlier or not pace.paces:
        return 0.0
    samples = len(spec.ids) if spec.ids is not None else pace.paces[0].samples[spec.samples]
    if spec.samples == "val" and spec.every_steps is None:
        return 0.0
    steps = [-(-pace.paces[0].samples["train"] // phase.batch_size) for phase in run.run.regime]
    count = spec.recordings(epochs_left(run), steps)
    return count * samples * pace.paces[-1].sample


def _phases(params: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """Return the parameters of a regime's phases that decide how long a step takes."""
    return frozenset(
        (name, value)
        for name, value in params.items()
        if name.startswith("regime.") and not {*name.split(".")[2:3]} & {*DURATION, *RATES}
    )


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
