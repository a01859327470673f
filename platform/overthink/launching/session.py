"""The runs and groups that are open in the store while workers train."""

import json
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import replace

from overthink.execution.jobs import Engine, Job, Order
from overthink.launching.groups import ERRORS_OF_ONE_RUN, Groups
from overthink.launching.lost_machines import MOST_LOSSES, LostMachines
from overthink.launching.outcomes import Options, Outcomes, ProgressListener
from overthink.launching.planned_run import PlannedRun, run_folder
from overthink.launching.recording.run_inputs import RunInputs
from overthink.launching.recording.run_recorder import RunRecorder
from overthink.launching.run_source import NoMoreRuns, RunSource
from overthink.launching.schedule import Schedule
from overthink.outbox.sender import OutboxSender
from overthink.plugins.modules import named_modules
from overthink.running.events import Died, Diverged, EndedEarly, Event, Failed, Finished, Lost, Pruned, Started, ends
from overthink.settings import checkpoint_seconds
from overthink.store import tags
from overthink.store.claims import Claims
from overthink.store.errors import StoreError
from overthink.store.liveness import HEARTBEAT_SECONDS
from overthink.store.writer import Writer
from overthink.training.epoch_record import EpochRecord

ABANDON_SECONDS = 10.0
"""How long an interrupted launch waits for a store that does not answer."""
CLAIMS_SECONDS = 5.0
"""How long the end of a session waits until its claims are given up."""
OUTCOMES: dict[type[EndedEarly], str] = {
    Diverged: tags.DIVERGED,
    Failed: tags.FAILED,
    Died: tags.FAILED,
    Pruned: tags.PRUNED,
}


class Session:
    """Starts jobs on an engine, and hands their events to the recorders.

    Nothing is created before a run's data and network are known to be good: a mistake leaves no half-made run behind.
    """

    def __init__(
        self,
        engine: Engine,
        sender: OutboxSender,
        groups: Groups,
        inputs: RunInputs,
        options: Options,
        listener: ProgressListener,
        outcomes: Outcomes,
        claims: Claims,
    ) -> None:
        self.groups = groups
        self.claims = claims
        """What this session has claimed in the store; plans of its runs add to it."""
        self.outcomes = outcomes
        self._engine = engine
        self._sender = sender
        self._inputs = inputs
        self._options = options
        self._listener = listener
        self._source: RunSource = NoMoreRuns()
        self._schedule = Schedule()
        self._planned: list[PlannedRun] = []
        self._open: dict[str, RunRecorder] = {}
        self._unrecorded: set[str] = set()
        """Keys of runs whose recording failed; further events of theirs are ignored."""
        self._stopped: dict[str, str] = {}
        """Key of a run that was stopped -> why."""
        self._lost = LostMachines()
        self._noted: set[str] = set()
        """Sentences about data that were said; each run on the same data brings them."""
        self._last_heartbeat = time.monotonic()

    @property
    def writer(self) -> Writer:
        """The writer that groups are closed with."""
        return self.groups.writer

    def add(self, runs: Sequence[PlannedRun]) -> None:
        """Count planned runs among the members of their groups; their locks are released when the session closes."""
        self._planned.extend(runs)
        self.groups.add_members(runs)

    def train(self, runs: Sequence[PlannedRun], source: RunSource | None = None) -> None:
        """Train runs and record what happens; at each run's end, the source supplies what to train next."""
        self._source = source or NoMoreRuns()
        jobs = self._jobs(self._schedule.add(runs))
        with closing(self._engine.execute(jobs)) as messages:  # the workers end first
            for message in messages:
                if message is not None:
                    self._handle(self._schedule.run(message.job.name), message.job, message.event)
                self._heartbeat()

    def is_training(self, key: str) -> bool:
        """Return whether this session is training the run of a key, or is going to."""
        return key in self._schedule

    def run_id_of(self, run: PlannedRun) -> str | None:
        """Return the MLflow run id of a run that this session has finished, once it is fully uploaded.

        Raises StoreError where the store stays unreachable.
        """
        self.groups.wait_for([run])
        logger = self._inputs.finished.get(run.key)
        return logger.run_id if logger else None

    def stop(self, run: PlannedRun, why: str) -> None:
        """End a run that is being trained as pruned; its checkpoint stays for a later call that asks for all of it."""
        self._stopped[run.key] = why
        self._engine.stop(run.key)

    def finish(self) -> None:
        """Wait for uploads, as long as they make progress, and close the groups of the planned runs."""
        self.outcomes.pending = self._sender.wait()
        self.groups.close_all(self.outcomes.pending.runs if self.outcomes.pending else ())

    def abandon(self, outcome: str, message: str) -> None:
        """Close what is open after an interruption, as far as the store still answers."""
        for recorder in self._open.values():
            with suppress(*ERRORS_OF_ONE_RUN):
                recorder.ended(outcome, message)
        with suppress(*ERRORS_OF_ONE_RUN):
            left = self._sender.wait(ABANDON_SECONDS)
            if left is not None:
                self._listener.on_message(f"{left}.")
                return
            self.groups.abandon(outcome, message)

    def close(self) -> None:
        """End the workers, stop uploading (what is queued stays on disk), and release claims and locks."""
        self._engine.close()
        self._sender.stop(self._release)
        giving_up = threading.Thread(target=self._close_claims, daemon=True)
        giving_up.start()
        giving_up.join(timeout=CLAIMS_SECONDS)  # a store that hangs does not keep the command

    def _release(self) -> None:
        """Release the locks of runs: not before uploading has stopped, or the next launch would train them again."""
        for run in self._planned:
            replace(run, claims=None).release()

    def _close_claims(self) -> None:
        with suppress(StoreError):  # they count no longer once this process has ended
            self.claims.close()

    # Jobs

    def _jobs(self, runs: Iterable[PlannedRun]) -> list[Job]:
        """Return the jobs of runs whose inputs are complete; the others fail, and make way for those that waited."""
        jobs, left = [], deque(runs)
        while left:
            run = left.popleft()
            try:
                jobs.append(self._job(run))
            except ERRORS_OF_ONE_RUN as error:
                self._close_run(run, tags.FAILED, str(error))
                self._listener.on_event(run, Failed(str(error)))
                left.extend(self._after(run))
        return jobs

    def _job(self, run: PlannedRun) -> Job:
        folder, data_root = run_folder(run.key), self._options.data_root
        if self._options.force:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        order = Order(
            run=json.dumps(run.run.model_dump(mode="json")),
            folder=str(folder),
            device="cpu" if run.run.kernels == "native" else self._options.device,
            data_root=str(data_root.absolute()) if data_root else None,
            parent_key=self._inputs.fetch(run, folder),
            checkpoint_seconds=checkpoint_seconds(),
            plugins=named_modules(),
        )
        return Job(run.key, order)

    def _after(self, ended: PlannedRun) -> list[PlannedRun]:
        """Return what can be trained now that a run has ended: runs that waited for it, and new ones."""
        return self._schedule.remove(ended) + self._schedule.add(self._source.after(ended))

    # Events

    def _handle(self, run: PlannedRun, job: Job, event: Event) -> None:
        event = self._understood(run, event)
        if run.key not in self._unrecorded:
            self._listener.on_event(run, self._recorded(run, event))
        if isinstance(event, Started):
            self._say(run, event.notes)
        if isinstance(event, Lost):
            self._engine.add(job)
        elif ends(event):
            for known in (self._open, self._stopped):  # the same run may be asked for again
                known.pop(run.key, None)
            self._unrecorded.discard(run.key)
            for next_job in self._jobs(self._after(run)):
                self._engine.add(next_job)

    def _say(self, run: PlannedRun, notes: Sequence[str]) -> None:
        """Pass on what a run brings to know of its data, each sentence once."""
        for note in notes:
            if note not in self._noted:
                self._noted.add(note)
                self._listener.on_message(f"{run.name}: {note}.")

    def _understood(self, run: PlannedRun, event: Event) -> Event:
        """Return an event as this session sees it: a stopped run was pruned, one that is lost too often has failed."""
        if isinstance(event, EpochRecord):
            self._lost.note_progress(run.key, event.epoch)
        if isinstance(event, Died | Lost) and run.key in self._stopped:
            return Pruned(self._stopped[run.key])
        if isinstance(event, Lost) and (run.key in self._unrecorded or self._lost.too_often(run.key)):
            return Died(f"{event.message}; gave up after {MOST_LOSSES + 1} lost machines without progress")
        return event

    def _recorded(self, run: PlannedRun, event: Event) -> Event:
        """Record an event and return it; where that fails, the failure instead."""
        try:
            self._record(run, event)
        except ERRORS_OF_ONE_RUN as error:
            self._unrecorded.add(run.key)
            failed = Failed(f"it could not be recorded: {error}")
            self._close_run(run, tags.FAILED, failed.message)
            return failed
        return event

    def _record(self, run: PlannedRun, event: Event) -> None:
        if run.key not in self._open and (isinstance(event, Started) or run.stored is not None):
            self._open[run.key] = self._opened(run)
        recorder = self._open.get(run.key)
        if isinstance(event, EndedEarly):
            self._close_run(run, OUTCOMES[type(event)], event.message)
        elif recorder is not None and (warning := recorder.record(event)):
            self._listener.on_message(f"{run.name}: {warning}")
        if isinstance(event, Finished):
            assert recorder is not None
            self._inputs.finished[run.key] = recorder.logger
            self.outcomes.add(tags.FINISHED, run)

    def _opened(self, run: PlannedRun) -> RunRecorder:
        held = self._schedule.is_needed(run.key)
        recorder = RunRecorder.open(self._sender, run, self.groups.begin(run), held)
        if run.key in self._inputs.parents:
            recorder.link_parent(self._inputs.parents[run.key])
        if run.key in self._inputs.mains:
            recorder.link_main(self._inputs.mains[run.key])
        if run.key in self._inputs.labelled_by:
            recorder.link_labels(self._inputs.labelled_by[run.key])
        return recorder

    def _close_run(self, run: PlannedRun, outcome: str, message: str) -> None:
        self.outcomes.add(outcome, run, message)
        if run.key in self._open:
            with suppress(OSError):  # the outbox's disk is full; without a process the run counts as interrupted
                self._open[run.key].ended(outcome, message)

    def _heartbeat(self) -> None:
        if time.monotonic() - self._last_heartbeat >= HEARTBEAT_SECONDS:
            self._last_heartbeat = time.monotonic()
            for beat in (self.claims.heartbeat, self._source.heartbeat):
                with suppress(StoreError):  # the next one may reach it again
                    beat()
