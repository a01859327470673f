"""The runs and groups that are open in the store while workers train."""

import json
import shutil
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from typing import Any, Protocol

from overthink.execution.jobs import Job
from overthink.launching.engines import engine_for
from overthink.launching.groups import ONE_RUNS_TROUBLE, Groups
from overthink.launching.outcomes import Options, Outcomes, ProgressListener
from overthink.launching.plan import PlannedRun, run_folder
from overthink.launching.recording.run_inputs import RunInputs
from overthink.launching.recording.run_recorder import RunRecorder
from overthink.launching.schedule import Schedule
from overthink.outbox.sender import OutboxSender, PendingUploads
from overthink.settings import checkpoint_seconds
from overthink.store import tags
from overthink.store.client import Store, StoreError
from overthink.store.liveness import BEAT_SECONDS
from overthink.store.writer import Writer

ABANDON_SECONDS = 10.0
"""How long an interrupted launch waits for a store that takes nothing."""
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
        watch: ProgressListener,
        goals: Sequence[str] = (),
    ) -> None:
        """Take up runs; `goals` are metrics that their experiments' tables open with."""
        self._outcomes = outcomes
        self._watch = watch
        self._courier = OutboxSender(store, writer, watch.on_message)
        self.groups = Groups(store, writer, self._courier, outcomes, goals)
        self._open: dict[str, RunRecorder] = {}
        self._unrecorded: set[str] = set()
        """Keys of runs whose recording failed; what their workers still say is not listened to."""
        self._foundations = RunInputs(store)
        self._last_beat = time.monotonic()
        self._list = Schedule()
        self._stopped: dict[str, str] = {}
        """Key of a run that was stopped -> why."""
        self._losses = Counter[str]()
        """Key of a run -> machines that it has lost since it last got further."""
        self._furthest = Counter[str]()
        """Key of a run -> the last epoch that it got to."""
        self.groups.enlist(runs)

    def train(self, runs: Sequence[PlannedRun], options: Options, supply: Supply = NothingMore()) -> None:  # noqa: B008
        """Run the jobs and record what the workers say; at each run's end, the supply says what to train next."""
        self._supply = supply
        self._engine = engine = engine_for(options, self._watch.on_message)
        jobs = self._jobs(self._list.take_up(runs), options)
        with closing(engine.execute(jobs)) as messages:  # the workers end first
            for message in messages:
                if message is not None:
                    run = self._list.run(message.job.name)
                    body = self._understood(run, message.body)
                    self._hear(run, body)
                    if body["event"] == "lost":
                        engine.add(message.job)
                    elif message.ends:
                        self._forget(run)
                        for job in self._jobs(self._after(run), options):
                            engine.add(job)
                self._beat()

    def is_at(self, key: str) -> bool:
        """Tell whether this session is training the run of a key, or is going to."""
        return key in self._list

    def run_id_of(self, run: PlannedRun) -> str | None:
        """Return the MLflow run id of a run that this session has finished, once the store has heard all of a run.

        Raises StoreError where the store takes nothing for long.
        """
        self.groups.wait_for([run])
        account = self._foundations.finished.get(run.key)
        return account.journal.run_id if account else None

    def stop(self, run: PlannedRun, why: str) -> None:
        """End a run that is being trained as pruned; its checkpoint stays, for whoever asks for all of it."""
        self._stopped[run.key] = why
        self._engine.stop(run.key)

    def _after(self, ended: PlannedRun) -> list[PlannedRun]:
        """Return what can be trained now that a run has ended: runs that waited for it, and more."""
        return self._list.ended(ended) + self._list.take_up(self._supply.after(ended))

    def _jobs(self, runs: Iterable[PlannedRun], options: Options) -> list[Job]:
        """Return the jobs of runs that have all they need; the others end here, and make way for what comes after."""
        jobs, left = [], deque(runs)
        while left:
            run = left.popleft()
            try:
                jobs.append(self._job(run, options))
            except ONE_RUNS_TROUBLE as error:
                self._ended(run, tags.FAILED, str(error))
                self._watch.on_event(run, {"event": "failed", "message": str(error)})
                left.extend(self._after(run))
        return jobs

    def _job(self, run: PlannedRun, options: Options) -> Job:
        folder = run_folder(run.key)
        if options.force:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._foundations.checkpoint(run, folder)
        self._foundations.attempts(run, folder)
        self._foundations.main(run, folder)
        order = {
            "run": json.dumps(run.run.model_dump(mode="json")),
            "folder": str(folder),
            "device": options.device,
            "data_root": str(options.data_root.absolute()) if options.data_root else None,
            "parent_key": self._foundations.parent(run, folder),
            "checkpoint_seconds": checkpoint_seconds(),
        }
        return Job(run.key, order)

    def _understood(self, run: PlannedRun, body: dict[str, Any]) -> dict[str, Any]:
        """Return what is said of a run; lost and died have other names where we know more."""
        event = body["event"]
        if event == "epoch" and body["epoch"] > self._furthest[run.key]:
            self._furthest[run.key], self._losses[run.key] = body["epoch"], 0
        if event in ("died", "lost") and run.key in self._stopped:
            return {"event": "pruned", "message": self._stopped[run.key]}
        if event == "lost" and run.key in self._unrecorded:
            return {"event": "died", "message": body["message"]}
        if event == "lost":
            self._losses[run.key] += 1
            if self._losses[run.key] > MOST_LOSSES:
                return {"event": "died", "message": f"{body['message']}; {MOST_LOSSES} times before it was so, too"}
        return body

    def _forget(self, run: PlannedRun) -> None:
        """Let go of what was known of a run that has ended: the same one may be asked for again."""
        self._open.pop(run.key, None)
        self._stopped.pop(run.key, None)
        self._unrecorded.discard(run.key)

    def _hear(self, run: PlannedRun, body: dict[str, Any]) -> None:
        if run.key not in self._unrecorded:
            try:
                self._record(run, body)
            except ONE_RUNS_TROUBLE as error:
                self._unrecorded.add(run.key)
                body = {"event": "failed", "message": f"it could not be recorded: {error}"}
                self._ended(run, tags.FAILED, body["message"])
            self._watch.on_event(run, body)

    def _record(self, run: PlannedRun, body: dict[str, Any]) -> None:
        if run.key not in self._open and (body["event"] == "started" or run.stored is not None):
            held = self._list.is_needed(run.key)
            recorder = RunRecorder.open(self._courier, run, self.groups.begin(run), held)
            self._open[run.key] = recorder
            if run.key in self._foundations.parents:
                recorder.descends_from(self._foundations.parents[run.key])
            if run.key in self._foundations.mains:
                recorder.chooses_for(self._foundations.mains[run.key])
        if body["event"] in ENDED_EARLY:
            body["message"] = body.get("message") or _crash_message(body)
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

    def wait(self) -> PendingUploads | None:
        """Wait until the store has all that was told, but not for ever; return what it does not have."""
        return self._courier.wait()

    def leave(self) -> None:
        """Stop talking to the store; what it does not have stays on disk."""
        self._courier.stop()

    def abandon(self, outcome: str, message: str) -> None:
        """Close what is open after an interruption, as far as the store still answers."""
        for recorder in self._open.values():
            with suppress(*ONE_RUNS_TROUBLE):
                recorder.ended(outcome, message)
        with suppress(*ONE_RUNS_TROUBLE):
            left = self._courier.wait(ABANDON_SECONDS)
            if left is not None:
                self._watch.on_message(f"{left}.")
                return
            self.groups.abandon(outcome, message)


def _crash_message(body: dict[str, Any]) -> str:
    code = body["exit_code"]
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    last = body["log"].splitlines()[-1] if body["log"] else ""
    return f"its worker process {how}{': ' + last if last else ''}; the same command goes on from its checkpoint"
