"""The trials that are being trained: each trains its seeds one after another, several trials in parallel."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from overthink.launching.estimating.time_needed import with_paces
from overthink.launching.outcomes import Options
from overthink.launching.plan import plan
from overthink.launching.planned_run import TO_DO, PlannedRun
from overthink.launching.session import Session
from overthink.running.events import Died, Event, Started
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.finding import find_runs
from overthink.store.reader import run_of
from overthink.store.stored import StoredRun, newest_per_key
from overthink.sweep.ask_tell import AskTell, Ending
from overthink.sweep.dashboard import TrialLinks
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.new_trials import NewTrials
from overthink.sweep.open_trial import OpenTrial
from overthink.sweep.pruning import Pruning
from overthink.sweep.seed_metrics import SeedMetrics
from overthink.sweep.storage import ERRORS
from overthink.sweep.sweep_recorder import SweepRecorder
from overthink.sweep.trial_reporter import TrialListener, TrialReporter
from overthink.sweep.trials_needed import TrialsNeeded
from overthink.training.epoch_record import EpochRecord

MOST_DEATHS = 2
"""How often a trial is resumed after its worker process died; the next death fails it."""
BUSY_SECONDS = 5.0
"""Between looks at runs that another process is training."""


class TrialEvents:
    """The session's listener: forwards what happens to runs, and stops a run when its trial is to be pruned."""

    def __init__(self, listener: TrialListener, pruning: Pruning, stop: Callable[[PlannedRun, str], None]) -> None:
        self._listener, self._pruning, self._stop = listener, pruning, stop
        self.on_plan, self.on_message = listener.on_plan, listener.on_message
        self.trials: dict[str, OpenTrial] = {}
        """Key of a run that is being trained -> its trial."""

    def on_event(self, run: PlannedRun, event: Event) -> None:
        """Forward an event of a run, and report its epochs to the pruner."""
        self._listener.on_event(run, event)
        trial = self.trials.get(run.key)
        if trial is None:
            return
        match event:
            case Died():
                trial.died = True
            case Started():
                for epoch in event.history:
                    self._pruning.after_epoch(trial, epoch)
            case EpochRecord() if self._pruning.after_epoch(trial, event) and event.epoch < trial.epochs:
                self._stop(run, f"pruned after epoch {event.epoch}: earlier trials were better at this epoch")


class Trials:
    """A session's source of runs: which trials are open, and which runs they need next."""

    def __init__(
        self,
        loaded: LoadedSweep,
        study: AskTell,
        store: Store,
        options: Options,
        listener: TrialListener,
        needed: TrialsNeeded | None = None,
    ) -> None:
        self._loaded, self._study, self._store, self._options = loaded, study, store, options
        self._listener, self._needed = listener, needed
        self._pruning = Pruning(loaded.sweep, study)
        self.events = TrialEvents(listener, self._pruning, self._stop)
        self._metrics = SeedMetrics(loaded.sweep, store)
        self._open: list[OpenTrial] = []
        self._busy: list[OpenTrial] = []
        """Open trials with a run that another process is training."""

    def run(self, session: Session, recorder: SweepRecorder) -> TrialReporter:
        """Start trials and train them until there are enough; the session's listener is `events`."""
        self._session, self._recorder = session, recorder
        links = TrialLinks(self._study.storage, self._study.study, self._store, recorder.writer)
        self._reporter = TrialReporter(self._study, recorder, self._listener, links)
        self._new = NewTrials(self._loaded, self._study, self._metrics, self._reporter, self._listener)
        while True:
            if runs := self._fill():
                session.train(runs, self)
            elif self._busy:
                time.sleep(BUSY_SECONDS)
            else:
                session.groups.close_all()  # those of main networks that were trained for trials
                return self._reporter

    def release(self) -> None:
        """Release the locks of all runs, so that other processes may train them."""
        for trial in self._open:
            trial.release()

    def after(self, ended: PlannedRun) -> Sequence[PlannedRun]:
        """Return the runs to train after one has ended: its trial's next, and those of new trials."""
        self._session.groups.wait_for([ended])  # before other processes plan: they read the store
        ended.release()
        trial = self.events.trials.pop(ended.key, None)
        runs = self._after_run(trial, ended) if trial is not None else []
        return [*runs, *self._fill()]

    def heartbeat(self) -> None:
        """Renew the heartbeats of the sweep and of its open trials."""
        with suppress(*ERRORS):  # a locked database, for one: the next one may reach it again
            self._study.heartbeat()
        self._recorder.heartbeat()

    def _stop(self, run: PlannedRun, why: str) -> None:
        self._session.stop(run, why)

    def _fill(self) -> list[PlannedRun]:
        """Return the next runs of trials that had to wait, and the first runs of as many new trials as fit."""
        waiting, self._busy = self._busy, []
        runs = [run for trial in waiting for run in self._planned(trial)]
        while len(self._open) < max(self._options.jobs, 1) and (trial := self._new.next()) is not None:
            self._open.append(trial)
            runs += self._planned(trial)
        return runs

    def _planned(self, trial: OpenTrial) -> list[PlannedRun]:
        """Plan a trial by what the store has; return its next runs, none while another process trains one of them."""
        runs = plan(self._store, [trial.experiment], reuse=self._options.reuse, claims=self._session.claims)
        if self._needed is not None:
            runs = with_paces(runs, (), self._needed.jobs, self._needed.paces)
        own = [run for run in runs if run.group_key == trial.group_key]
        for run in own:
            if run.action == "queued":
                raise StoreError(f"{run.name}: the store refuses its results; run overthink sync to see why")
        trial.plan(own, [run for run in runs if run not in own and run.action in TO_DO])
        if any(run.action == "busy" and (run in own or not self._session.is_training(run.key)) for run in runs):
            trial.release()
            self._busy.append(trial)
            return []
        return self._advance(trial)

    def _advance(self, trial: OpenTrial) -> list[PlannedRun]:
        """Count the seeds that the store has already; return the runs to train next, none if the trial has ended."""
        while trial.runs:
            run = trial.runs[0]
            if run.action in TO_DO:
                mains = [trial.mains.pop(need.key) for need in run.needs if need.key in trial.mains]
                needed = [*mains, run]
                self._session.groups.add_members(needed)
                self.events.trials[run.key] = trial
                return needed
            self._session.groups.add_members([run])
            self._session.outcomes.add(run.action, run)
            assert run.stored is not None
            if run.action == "diverged":
                self._end(trial, Ending(tags.DIVERGED, run.stored.message))
                return []
            if not self._continues_after(trial, run.stored):
                return []
        self._end(trial, self._metrics.finished(trial.metrics))
        return []

    def _after_run(self, trial: OpenTrial, ended: PlannedRun) -> list[PlannedRun]:
        """Return the next runs of a trial after one of its runs has ended."""
        outcome, run_id = self._session.outcomes.of(ended.key), self._session.run_id_of(ended)
        finished = finished_run(self._store, ended.key, run_id) if outcome == tags.FINISHED else None
        if finished is not None:
            return self._advance(trial) if self._continues_after(trial, finished) else []
        if trial.died and trial.deaths < MOST_DEATHS:
            trial.died, trial.deaths = False, trial.deaths + 1
            trial.release()
            return self._planned(trial)
        self._end(trial, Ending(outcome, self._session.outcomes.messages.get(ended.key, "")))
        return []

    def _continues_after(self, trial: OpenTrial, run: StoredRun) -> bool:
        """Count a finished seed; return whether the trial continues; it ends if it fails or is pruned."""
        try:
            trial.metrics.append(self._metrics.of_seed(trial.runs.popleft().run, run.metrics))
        except ValueError as error:
            self._end(trial, Ending(tags.FAILED, f"run {run.run_id}: {error}"))
            return False
        if trial.runs and self._pruning.after_seed(trial):
            why = f"pruned after {len(trial.metrics)} of its seeds: earlier trials were better at this point"
            self._end(trial, Ending(tags.PRUNED, why))
            return False
        return True

    def _end(self, trial: OpenTrial, ending: Ending) -> None:
        """Close the trial's group, release its runs, and report how it ended."""
        self._open.remove(trial)
        trial.release()
        group_run_id = self._session.groups.close(trial.group_key, ending.outcome)
        self._reporter.end(trial.asked, ending, group_run_id)


def finished_run(store: Store, key: str, run_id: str | None) -> StoredRun | None:
    """Return the run that this process has finished, or the one of its key that counts: another process was quicker."""
    run = run_of(store, run_id) if run_id is not None else None
    if run is not None and run.is_finished and not run.replaced_by:
        return run
    counting = newest_per_key(find_runs(store, kind=tags.KIND_RUN, run_key=key)).get(key)
    return counting if counting is not None and counting.is_finished else None
