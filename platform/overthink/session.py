"""The runs and groups that are open in the store while workers train."""

import json
import shutil
import time
from collections import Counter, deque
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing, suppress
from typing import Any, Protocol

from overthink.engine.jobs import Job
from overthink.engines import engine_for
from overthink.links import columns_of, views
from overthink.outcomes import Options, Outcomes, Watch
from overthink.plan import PlannedRun, run_folder
from overthink.recording.checkpoint_copies import checkpoint_seconds
from overthink.recording.foundations import Foundations
from overthink.recording.group_recorder import GroupRecorder, place_of
from overthink.recording.run_recorder import RunRecorder
from overthink.tracking import tags
from overthink.tracking.courier import Courier, Undelivered
from overthink.tracking.liveness import BEAT_SECONDS
from overthink.tracking.place import Place, settle
from overthink.tracking.store import Store, StoreError
from overthink.tracking.writer import Writer

ONE_RUNS_TROUBLE = (OSError, ValueError, StoreError)
"""What may go wrong while one run is recorded, a full disk or a damaged file, and must leave the others alone."""
ABANDON_SECONDS = 10.0
"""How long an interrupted launch waits for a store that takes nothing."""
MIDWAY_SECONDS = 600.0
"""How long one does that has more to train, and must know first what came of a run."""

MOST_LOSSES = 3
"""Machines that a run may lose without getting an epoch further; whatever takes them, it is no accident."""

ENDED_EARLY = {"diverged": tags.DIVERGED, "failed": tags.FAILED, "died": tags.FAILED, "pruned": tags.PRUNED}
"""What workers say of a run that did not finish -> its outcome."""


class Supply(Protocol):
    """Somebody who has more to train as runs end."""

    def after(self, ended: PlannedRun) -> Sequence[PlannedRun]:
        """Return what to train now that a run has ended."""

    def beat(self) -> None:
        """Hear every minute that the session is alive."""


class NothingMore:
    """A supply for who trains what was asked for at the start."""

    def after(self, ended: PlannedRun) -> Sequence[PlannedRun]:
        """Return nothing."""
        return ()

    def beat(self) -> None:
        """Do nothing."""


class Session:
    """Starts jobs, and hands what workers say to the recorders.

    Nothing is created before a run's data and network are known to be good: a mistake leaves no half-made run behind.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        runs: Sequence[PlannedRun],
        outcomes: Outcomes,
        watch: Watch,
        goals: Sequence[str] = (),
    ) -> None:
        """Take up runs; `goals` are metrics that their experiments' tables open with."""
        self._store = store
        self._writer = writer
        self._outcomes = outcomes
        self._watch = watch
        self._goals = goals
        self._courier = Courier(store, writer, watch.noted)
        self._open: dict[str, RunRecorder] = {}
        self._unrecorded: set[str] = set()
        """Keys of runs whose recording failed; what their workers still say is not listened to."""
        self._foundations = Foundations(store)
        self._needed: set[str] = set()
        """Keys of runs that others of this session build on."""
        self._worked: set[str] = set()
        """Keys of groups that a run of this session was begun in, and that are not put together yet."""
        self._members: dict[str, list[PlannedRun]] = {}
        self._last_beat = time.monotonic()
        self._runs: dict[str, PlannedRun] = {}
        self._waits: dict[str, set[str]] = {}
        """Key of a run that is to be trained -> the keys of those that it waits for."""
        self._stopped: dict[str, str] = {}
        """Key of a run that was stopped -> why."""
        self._losses = Counter[str]()
        """Key of a run -> machines that it has lost since its last epoch."""
        self.enlist(runs)

    def enlist(self, runs: Sequence[PlannedRun]) -> None:
        """Count runs among the members of their groups."""
        for run in runs:
            self._members.setdefault(run.group.definition.key, []).append(run)

    def train(self, runs: Sequence[PlannedRun], options: Options, supply: Supply = NothingMore()) -> None:  # noqa: B008
        """Run the jobs and record what the workers say; at each run's end, the supply says what to train next."""
        self._supply = supply
        self._engine = engine = engine_for(options, self._watch.noted)
        with closing(engine.execute(self._jobs(self._ready(runs), options))) as messages:  # the workers end first
            for message in messages:
                if message is not None:
                    run = self._runs[message.job.name]
                    body = self._understood(run, message.body)
                    self._hear(run, body)
                    if body["event"] == "lost":
                        engine.add(message.job)
                    elif message.ends:
                        self._open.pop(run.key, None)
                        for job in self._jobs(self._after(run), options):
                            engine.add(job)
                self._beat()

    def is_at(self, key: str) -> bool:
        """Tell whether this session is training the run of a key, or is going to."""
        return key in self._waits

    def run_id_of(self, run: PlannedRun) -> str | None:
        """Return the MLflow run id of a run that this session has finished, once the store has heard all of a run.

        Raises StoreError where the store takes nothing for long.
        """
        self._has_heard([run])
        account = self._foundations.finished.get(run.key)
        return account.journal.run_id if account else None

    def stop(self, run: PlannedRun, why: str) -> None:
        """End a run that is being trained as pruned; its checkpoint stays, for whoever asks for all of it."""
        self._stopped[run.key] = why
        self._engine.stop(run.key)

    def _ready(self, runs: Sequence[PlannedRun]) -> list[PlannedRun]:
        """Take up runs; return those that wait for no other one, the ones that others wait for first."""
        self._runs |= {run.key: run for run in runs}
        self._waits |= {run.key: set[str]() for run in runs}
        for run in runs:  # for what this session is at; what others are at is as good as not there
            needs = {need.key for need in (run.parent, run.main) if need and not need.run_id}
            self._waits[run.key] = needs & self._waits.keys()
        self._needed |= set[str]().union(*self._waits.values())
        return sorted((run for run in runs if not self._waits[run.key]), key=lambda run: run.key not in self._needed)

    def _after(self, ended: PlannedRun) -> list[PlannedRun]:
        """Return what can be trained now that a run has ended: runs that waited for it, and more."""
        del self._waits[ended.key]
        freed = [key for key, needs in self._waits.items() if ended.key in needs]
        for key in freed:
            self._waits[key].remove(ended.key)
        return [self._runs[key] for key in freed if not self._waits[key]] + self._ready(self._supply.after(ended))

    def _jobs(self, runs: Iterable[PlannedRun], options: Options) -> list[Job]:
        """Return the jobs of runs that have all they need; the others end here, and make way for what comes after."""
        jobs, left = [], deque(runs)
        while left:
            run = left.popleft()
            try:
                jobs.append(self._job(run, options))
            except ONE_RUNS_TROUBLE as error:
                self._ended(run, tags.FAILED, str(error))
                self._watch.said(run, {"event": "failed", "message": str(error)})
                left.extend(self._after(run))
        return jobs

    def _job(self, run: PlannedRun, options: Options) -> Job:
        folder = run_folder(run.key)
        if options.force:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._foundations.attempts(run, folder)
        self._foundations.checkpoint(run, folder)
        self._foundations.main(run, folder)
        order = {
            "run": json.dumps(run.run.model_dump(mode="json")),
            "folder": str(folder),
            "device": options.device,
            "data_root": str(options.data_root) if options.data_root else None,
            "parent_key": self._foundations.parent(run, folder),
            "checkpoint_seconds": checkpoint_seconds(),
        }
        return Job(run.key, order)

    def _understood(self, run: PlannedRun, body: dict[str, Any]) -> dict[str, Any]:
        """Return what is said of a run; lost and died have other names where we know more."""
        event = body["event"]
        if event == "epoch":
            self._losses[run.key] = 0
        if event in ("died", "lost") and run.key in self._stopped:
            return {"event": "pruned", "message": self._stopped[run.key]}
        if event == "lost":
            self._losses[run.key] += 1
            if self._losses[run.key] > MOST_LOSSES or run.key in self._unrecorded:
                return {"event": "died", "message": f"{body['message']}; {MOST_LOSSES} times before it was so, too"}
        return body

    def _hear(self, run: PlannedRun, body: dict[str, Any]) -> None:
        if run.key not in self._unrecorded:
            try:
                self._record(run, body)
            except ONE_RUNS_TROUBLE as error:
                self._unrecorded.add(run.key)
                body = {"event": "failed", "message": f"it could not be recorded: {error}"}
                self._ended(run, tags.FAILED, body["message"])
            self._watch.said(run, body)

    def _record(self, run: PlannedRun, body: dict[str, Any]) -> None:
        if run.key not in self._open and (body["event"] == "started" or run.stored is not None):
            group = run.group.definition.key
            self._worked.add(group)
            recorder = RunRecorder.open(self._courier, run, self._place(group), held=run.key in self._needed)
            self._open[run.key] = recorder
            if run.key in self._foundations.parents:
                recorder.descends_from(self._foundations.parents[run.key])
            if run.key in self._foundations.mains:
                recorder.chooses_for(self._foundations.mains[run.key])
        if body["event"] in ENDED_EARLY:
            body["message"] = body.get("message") or _epitaph(body)
            self._ended(run, ENDED_EARLY[body["event"]], body["message"])
        elif run.key in self._open:
            self._open[run.key].hear(body)
        if body["event"] == "finished":
            self._foundations.finished[run.key] = self._open[run.key].account
            self._outcomes.add(tags.FINISHED, run)

    def _ended(self, run: PlannedRun, outcome: str, message: str) -> None:
        self._outcomes.add(outcome, run, message)
        if run.key in self._open:
            with suppress(OSError):  # the journal's disk is full; without a process the run counts as interrupted
                self._open[run.key].ended(outcome, message)

    def _beat(self) -> None:
        if time.monotonic() - self._last_beat >= BEAT_SECONDS:
            self._last_beat = time.monotonic()
            with suppress(StoreError):  # the next one may reach it again
                self._supply.beat()

    def _place(self, key: str) -> Place:
        first = self._members[key][0].run
        return place_of(self._members[key], views(first.network.blocks, columns_of(first, self._goals)))

    def wait(self) -> Undelivered | None:
        """Wait until the store has all that was told, but not for ever; return what it does not have."""
        return self._courier.wait()

    def leave(self) -> None:
        """Stop talking to the store; what it does not have stays on disk."""
        self._courier.stop()

    def abandon(self, outcome: str, message: str) -> None:
        """Close what is open after an interruption, as far as the store still answers."""
        with suppress(*ONE_RUNS_TROUBLE):
            for recorder in self._open.values():
                if not recorder.closing:
                    recorder.ended(outcome, message)
            left = self._courier.wait(ABANDON_SECONDS)
            if left is not None:
                self._watch.noted(f"{left}.")
                return
            for key in self._worked:
                settled = self._courier.leave(self._place(key))
                if settled is not None:
                    self._writer.close(settled.group_id, outcome, message)

    def close_groups(self, undelivered: Collection[str] = ()) -> None:
        """Aggregate each group that has a run; a group with a run that did not finish ends as failed.

        Groups of runs that the store does not have yet are left to the next call.
        """
        for key, members in list(self._members.items()):
            if not any(run.key in undelivered or self._outcomes.of(run.key) == "undelivered" for run in members):
                self.close_group(key)

    def close_group(self, key: str, outcome: str | None = None) -> str | None:
        """Aggregate a group whose runs have all ended, if one of them is finished or was begun; return its run's id.

        Without an `outcome` the group ends as its runs have. Raises StoreError where the store does not hear of them.
        """
        members = self._members[key]
        outcomes = {self._outcomes.of(run.key) for run in members}
        someone_elses = key not in self._worked and "busy" in outcomes
        group_id = None
        if (key in self._worked or outcomes & {"done", tags.FINISHED}) and not someone_elses:
            self._has_heard(members)
            self._worked.discard(key)  # from here on an interruption leaves the group to the next call
            group_id = self._close_group(key, outcome or _outcome_of_group(outcomes))
        del self._members[key]
        return group_id

    def _has_heard(self, runs: Sequence[PlannedRun]) -> None:
        """Wait until the store has all of some runs; raises StoreError where it takes nothing for long."""
        left = self._courier.wait(MIDWAY_SECONDS, [run.key for run in runs])
        if left is not None:
            raise StoreError(str(left))

    def _close_group(self, key: str, outcome: str) -> str | None:
        members, place = self._members[key], self._place(key)
        settled = self._courier.leave(place)
        try:
            if settled is None:
                work = any(run.lock is not None for run in members)
                settled = settle(self._store, self._writer, place, work)
            self._outcomes.experiment_ids[place.experiment] = settled.experiment_id
            recorder = GroupRecorder(
                self._store, self._writer, key, place.group, members[0].run, settled.group_id, settled.changed
            )
            recorder.close(outcome)
        except ONE_RUNS_TROUBLE as error:
            self._outcomes.unaggregated[place.group] = str(error)
            if settled is not None:  # interrupted, so that the next call tries again
                with suppress(StoreError):  # a group without a process counts as interrupted, too
                    self._writer.close(settled.group_id, tags.INTERRUPTED, f"not put together: {error}")
        return settled.group_id if settled is not None else None


def _outcome_of_group(outcomes: set[str]) -> str:
    """Return what a group ends as: finished where all its runs are, pruned where nothing worse happened to one."""
    unfinished = outcomes - {"done", tags.FINISHED}
    if not unfinished:
        return tags.FINISHED
    return tags.PRUNED if unfinished == {tags.PRUNED} else tags.FAILED


def _epitaph(body: dict[str, Any]) -> str:
    code = body["exit_code"]
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    last = body["log"].splitlines()[-1] if body["log"] else ""
    return f"its worker process {how}{': ' + last if last else ''}; the same command goes on from its checkpoint"
