"""Trials at work: each trains its seeds one after another, side by side with others, until enough are told."""

import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from overthink.definition.errors import DefinitionError
from overthink.definition.experiment import LoadedExperiment
from overthink.launching.outcomes import Options
from overthink.launching.plan import TO_DO, PlannedRun, plan
from overthink.launching.session import Session
from overthink.running.events import Died, Event, Started
from overthink.store import tags
from overthink.store.client import Store, StoreError
from overthink.store.reader import run_of
from overthink.store.stored import StoredRun
from overthink.sweep.ask_tell import Asked, AskTell
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.goal import LABELS, NETWORK, curve
from overthink.sweep.labels import MainPredictions, label_metrics
from overthink.sweep.network_metrics import network_metrics
from overthink.sweep.telling import NOTHING, TrialListener, TrialReporter
from overthink.sweep.trial_record import SweepRecorder
from overthink.training.epoch_record import EpochRecord
from overthink.training.regime import total_epochs

MOST_DEATHS = 2
"""Times that a trial goes on after its worker died; killed once more, it has failed."""
BUSY_SECONDS = 5.0
"""Between looks at runs that another process is training."""


@dataclass
class OpenTrial:
    """A trial that is being trained."""

    asked: Asked
    experiment: LoadedExperiment
    left: deque[PlannedRun] = field(default_factory=deque)
    """Its runs that have not ended yet, in the order of their seeds."""
    mains: dict[str, PlannedRun] = field(default_factory=dict)
    """By key, the main networks that are to be trained for it."""
    metrics: list[dict[str, float]] = field(default_factory=list)
    """Of its seeds that are finished."""
    deaths: int = 0

    @property
    def key(self) -> str:
        """The key of its group."""
        return self.experiment.groups[0].definition.key

    @property
    def epochs(self) -> int:
        """Epochs of one of its runs."""
        return total_epochs(self.experiment.groups[0].definition.regime)


class Trials:
    """Supplies a session with the runs of trials, and tells the study what they come to."""

    def __init__(
        self,
        loaded: LoadedSweep,
        study: AskTell,
        store: Store,
        options: Options,
        watch: TrialListener,
    ) -> None:
        self._loaded, self._sweep = loaded, loaded.sweep
        self._study, self._store = study, store
        self._options, self._watch = options, watch
        self._open: list[OpenTrial] = []
        self._of_run: dict[str, OpenTrial] = {}
        self._busy: list[OpenTrial] = []
        self._died: set[str] = set()
        self._measured = (*self._sweep.objectives, *self._sweep.constraints)
        self._labels = any(one.metric.startswith(LABELS) for one in self._measured)
        self._costs = any(one.metric.startswith(NETWORK) for one in self._measured)
        self._main_predictions = MainPredictions(store)
        minutes = self._sweep.time_limit_minutes
        self._deadline = time.monotonic() + 60 * minutes if minutes else float("inf")

    def run(self, session: Session, recorder: SweepRecorder) -> TrialReporter:
        """Begin trials and train them until there are enough."""
        self.session, self._recorder = session, recorder
        self.telling = TrialReporter(self._study, recorder, self._watch)
        while True:
            if runs := self._fill():
                self.session.train(runs, self)
            elif self._busy:
                time.sleep(BUSY_SECONDS)
            else:
                self.session.groups.close_all()  # those of main networks that were trained for trials
                return self.telling

    def release(self) -> None:
        """Let go of all runs, so that others may train them."""
        for trial in self._open:
            _release([*trial.left, *trial.mains.values()])

    # What the session asks for and says

    def after(self, ended: PlannedRun) -> Sequence[PlannedRun]:
        """Return the next runs: of the trial whose run has ended, and of new ones."""
        self.session.groups.wait_for([ended])  # before others may plan: they look at the store
        ended.release()
        trial = self._of_run.pop(ended.key, None)
        runs = self._went_on(trial, ended) if trial is not None else []
        return [*runs, *self._fill()]

    def heartbeat(self) -> None:
        """Say that this process is alive."""
        self._study.beat()
        self._recorder.beat()

    def on_plan(self, runs: Sequence[PlannedRun]) -> None:
        """Pass on what there is to do."""
        self._watch.on_plan(runs)

    def on_event(self, run: PlannedRun, event: Event) -> None:
        """Pass on what a worker says, and end a hopeless trial."""
        self._watch.on_event(run, event)
        trial = self._of_run.get(run.key)
        if isinstance(event, Died):
            self._died.add(run.key)
        if trial is None or self._sweep.pruner is None:
            return
        if isinstance(event, Started):
            for epoch in event.history:
                self._report(trial, epoch)
        elif isinstance(event, EpochRecord) and self._report(trial, event) and event.epoch < trial.epochs:
            self.session.stop(run, f"pruned after epoch {event.epoch}: the trials before did better there")

    def on_message(self, sentence: str) -> None:
        """Pass on what there is to know about the store."""
        self._watch.on_message(sentence)

    def _report(self, trial: OpenTrial, epoch: EpochRecord) -> bool:
        (objective,) = self._sweep.objectives
        value = curve(objective.metric, asdict(epoch))
        if value is None:
            return False
        so_far = [metrics[objective.metric] for metrics in trial.metrics]
        step = len(trial.metrics) * trial.epochs + epoch.epoch
        return self._study.report(trial.asked, objective.over([*so_far, value]), step)

    # RunStart trials

    def _fill(self) -> list[PlannedRun]:
        """Return the first runs of so many trials as there is room for."""
        waiting, self._busy = self._busy, []
        runs = [run for trial in waiting for run in self._planned(trial)]
        while len(self._open) < max(self._options.jobs, 1) and not self.telling.stop_reason:
            asked = self._study.next() if time.monotonic() < self._deadline else None
            if asked is None:
                break
            runs += self._begin(asked)
        return runs

    def _begin(self, asked: Asked) -> list[PlannedRun]:
        self._watch.on_trial_start(asked, self._study.wanted)
        try:
            experiment = self._loaded.at(asked.point, f"trial-{asked.number}")
        except DefinitionError as error:
            self.telling.tell(asked, tags.FAILED, str(error))
            return []
        known = network_metrics(experiment.groups[0].runs[0]) if self._costs else {}
        bounds = [one for one in self._sweep.constraints if one.metric in known]
        excess = {one.said: one.excess([known[one.metric]]) for one in bounds}
        broken = [f"{one.metric} is {known[one.metric]:g}" for one in bounds if excess[one.said] > 0]
        if broken:
            why = f"outside its bounds, so not trained: {', '.join(broken)}"
            self.telling.tell(asked, tags.PRUNED, why, excess=excess)
            return []
        trial = OpenTrial(asked, experiment)
        self._open.append(trial)
        if self._sweep.trains:
            return self._planned(trial)
        self._measure(trial, known)
        return []

    def _planned(self, trial: OpenTrial) -> list[PlannedRun]:
        """Return the next runs of a trial by what the store has of it; none while another process is at one of them."""
        runs = plan(self._store, [trial.experiment], reuse=self._options.reuse)
        own = [run for run in runs if run.group.definition.key == trial.key]
        for run in own:
            if run.action == "queued":
                raise StoreError(f"{run.name}: the store refuses what it was told of it; overthink sync says why")
        trial.left, trial.metrics = deque(own), []
        trial.mains = {run.key: run for run in runs if run not in own and run.action in TO_DO}
        if any(run.action == "busy" and (run in own or not self.session.is_training(run.key)) for run in runs):
            _release(runs)
            self._busy.append(trial)
            return []
        return self._advance(trial)

    # Ending them

    def _advance(self, trial: OpenTrial) -> list[PlannedRun]:
        """Take what is finished already; return the run to train next, none where the trial has ended."""
        while trial.left:
            run = trial.left[0]
            self.session.groups.add_members([run])
            if run.action in TO_DO:
                self._of_run[run.key] = trial
                main = trial.mains.pop(run.main.key, None) if run.main else None
                self.session.groups.add_members([main] if main else [])
                return [*([main] if main else []), run]
            self.session.outcomes.add(run.action, run)
            assert run.stored is not None
            if run.action == "diverged":
                self._end(trial, tags.DIVERGED, run.stored.tags.get(tags.MESSAGE, ""))
                return []
            if not self._took(trial, run.stored):
                return []
        self._complete(trial)
        return []

    def _went_on(self, trial: OpenTrial, ended: PlannedRun) -> list[PlannedRun]:
        outcome = self.session.outcomes.of(ended.key)
        run_id = self.session.run_id_of(ended)
        if outcome == tags.FINISHED and run_id is not None:
            return self._advance(trial) if self._took(trial, run_of(self._store, run_id)) else []
        if ended.key in self._died and trial.deaths < MOST_DEATHS:
            self._died.discard(ended.key)
            trial.deaths += 1
            _release(trial.left)
            return self._planned(trial)
        self._end(trial, outcome, self.session.outcomes.messages.get(ended.key, ""))
        return []

    def _took(self, trial: OpenTrial, run: StoredRun) -> bool:
        """Count a finished seed; return whether the trial goes on."""
        definition = trial.left.popleft().run
        labels = label_metrics(definition, self._main_predictions.of(definition)) if self._labels else {}
        trial.metrics.append(run.metrics | labels)
        missing = [one.metric for one in self._measured if one.metric not in trial.metrics[-1]]
        if missing:
            self._end(trial, tags.FAILED, f"run {run.run_id} has no metric {missing[0]}")
            return False
        if trial.left and self._sweep.pruner is not None:
            (objective,) = self._sweep.objectives
            value = objective.over([metrics[objective.metric] for metrics in trial.metrics])
            if self._study.report(trial.asked, value, len(trial.metrics) * trial.epochs):
                self._end(
                    trial, tags.PRUNED, f"pruned after {len(trial.metrics)} seeds: others did better with as many"
                )
                return False
        return True

    def _measure(self, trial: OpenTrial, known: dict[str, float]) -> None:
        """Complete a trial that needs no training."""
        try:
            for run in trial.experiment.groups[0].runs:
                labels = label_metrics(run, self._main_predictions.of(run)) if self._labels else {}
                trial.metrics.append(known | labels)
            self._complete(trial)
        except ValueError as error:
            self._end(trial, tags.FAILED, str(error))

    def _complete(self, trial: OpenTrial) -> None:
        values = [one.over([metrics[one.metric] for metrics in trial.metrics]) for one in self._sweep.objectives]
        bounds = self._sweep.constraints
        excess = {one.said: one.excess([metrics[one.metric] for metrics in trial.metrics]) for one in bounds}
        self._end(trial, tags.FINISHED, values=values, excess=excess)

    def _end(
        self,
        trial: OpenTrial,
        outcome: str,
        message: str = "",
        values: Sequence[float] = (),
        excess: Mapping[str, float] = NOTHING,
    ) -> None:
        """Close the trial's group, let go of its runs, and tell what it came to."""
        self._open.remove(trial)
        _release([*trial.left, *trial.mains.values()])
        group_run_id = self.session.groups.close(trial.key, outcome) if self._sweep.trains else None
        self.telling.tell(trial.asked, outcome, message, values, excess, group_run_id)


def _release(runs: Iterable[PlannedRun]) -> None:
    for run in runs:
        run.release()
