"""Asking a study for trials and telling it their results; abandoned trials of dead processes are resumed."""

import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from overthink.store import tags
from overthink.store.liveness import FUTURE_SECONDS, RunProcess, alive_tags, is_gone, is_this
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.samplers import sampler_for
from overthink.sweep.space import Value, grid_of
from overthink.sweep.study import CARRIED, open_study, suggested

OWNER, RESULT, SURPLUS = "overthink.owner", "overthink.result", "overthink.surplus"
"""User attributes of a trial: the process that trains it; its outcome, message and MLflow run; that it is surplus."""
OWNERLESS = "overthink.ownerless"
"""Another one: the Unix time at which it was first seen without an owner."""
OWNERLESS_SECONDS = 60.0
"""A trial gets its owner within milliseconds; one that has none after this time was abandoned by a killed process."""
CLAIM_SECONDS = 1.0
"""If two machines claim an abandoned trial at the same moment, both see after this time which claim is in force."""
STATES = {tags.FINISHED: TrialState.COMPLETE, tags.PRUNED: TrialState.PRUNED}
"""Outcome -> Optuna's state; every other outcome is FAIL."""


@dataclass
class Asked:
    """A trial that this process has asked for, or has resumed."""

    trial: Trial
    point: dict[str, Value]
    reported: set[int] = field(default_factory=set)
    """Steps for which an intermediate value is stored already."""
    resumed: bool = False
    """Whether another process has asked for it, and abandoned it."""

    @property
    def number(self) -> int:
        """The trial's number in its study."""
        return self.trial.number


class Ending(NamedTuple):
    """How a trial has ended."""

    outcome: str
    message: str = ""
    """Why it did not finish."""
    values: Sequence[float] = ()
    """One for each objective, if it finished."""
    excess: Mapping[str, float] = MappingProxyType({})
    """Bound -> by how much the trial exceeds it; 0 or less where it keeps the bound."""

    @property
    def keeps_bounds(self) -> bool:
        """Whether it exceeds no bound."""
        return all(value <= 0 for value in self.excess.values())


class AskTell:
    """A study as one process sees it; `alone`: no other process can have trials of it."""

    def __init__(self, loaded: LoadedSweep, storage: RDBStorage, alone: bool) -> None:
        self.study = open_study(storage, loaded)
        self.storage = storage
        self._sweep = loaded.sweep
        self._alone = alone
        self._grid = grid_of(self._sweep.space) if self._sweep.sampler.kind == "grid" else []
        self._mine: dict[int, Asked] = {}
        carried = sum(CARRIED in trial.user_attrs for trial in self.study.get_trials(deepcopy=False))
        self.wanted = self._sweep.wanted + carried
        """The number of trials of the finished study, including those carried over from other spaces."""

    @property
    def trials(self) -> list[FrozenTrial]:
        """The study's trials, without enqueued and surplus ones."""
        return [
            trial
            for trial in self.study.get_trials(deepcopy=False)
            if SURPLUS not in trial.user_attrs and trial.state != TrialState.WAITING
        ]

    def next(self) -> Asked | None:
        """Return an abandoned trial, else a new one; None if there are enough."""
        for running in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if running.number not in self._mine and self._abandoned(running):
                trial = running_trial(self.study, self.storage, running.number)
                if self._grid and self._place(trial) >= len(self._grid):
                    self._end_surplus(trial)  # its process was killed before it could
                elif self._claimed(trial):
                    return self._prepared(trial, running)
        if len(self.trials) >= self.wanted:
            return None
        new = self.study.ask()
        if new.number >= self.wanted and len(self.trials) > self.wanted:
            self._end_surplus(new)  # another machine asked for the last one at the same moment
            return None
        new.set_user_attr(OWNER, alive_tags())
        return self._prepared(new, None)

    @property
    def best_value(self) -> float | None:
        """The best value so far; None with several objectives, and while no finished trial keeps the bounds."""
        if len(self._sweep.objectives) > 1:
            return None
        try:
            return float(self.study.best_value)
        except ValueError:
            return None

    def heartbeat(self) -> None:
        """Renew the heartbeat of this process's trials, of those that no other process has taken over."""
        for running in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            owner = running.user_attrs.get(OWNER)
            if running.number in self._mine and isinstance(owner, dict) and is_this(RunProcess.of(owner)):
                with suppress(UpdateFinishedTrialError):  # a moment ago
                    self._mine[running.number].trial.set_user_attr(OWNER, alive_tags())

    def report(self, asked: Asked, value: float, step: int) -> bool:
        """Report an intermediate value of a trial; return whether the pruner would end the trial.

        One that another process has taken over and ended is not pruned.
        """
        if step not in asked.reported:
            asked.reported.add(step)
            try:
                asked.trial.report(value, step)
            except UpdateFinishedTrialError:
                return False
        return bool(asked.trial.should_prune())

    def tell(self, asked: Asked, ending: Ending, run_id: str) -> None:
        """Tell the study how a trial has ended, and which MLflow run holds it; what was told first counts.

        Another process takes over a trial while this one is cut off, or its machine asleep.
        """
        state = STATES.get(ending.outcome, TrialState.FAIL)
        with suppress(UpdateFinishedTrialError):
            for name, value in ending.excess.items():
                if name not in asked.trial.constraints:
                    asked.trial.set_constraint(name, value)
            result = {"run_id": run_id, "outcome": ending.outcome, "message": ending.message}
            asked.trial.set_user_attr(RESULT, result)
            self.study.tell(asked.trial, list(ending.values) or None, state, skip_if_finished=True)
        del self._mine[asked.number]

    def _prepared(self, trial: Trial, abandoned: FrozenTrial | None) -> Asked:
        self.study.sampler = sampler_for(self._sweep.sampler, trial.number, self._sweep.space, self._grid_point(trial))
        point = suggested(trial, self._sweep.space)
        asked = Asked(trial, point, set(abandoned.intermediate_values) if abandoned else set(), abandoned is not None)
        self._mine[trial.number] = asked
        return asked

    def _grid_point(self, trial: Trial) -> dict[str, Value]:
        return self._grid[self._place(trial)] if self._grid else {}

    def _place(self, trial: Trial) -> int:
        """Return the position of a trial among those that are not surplus."""
        return sum(other.number < trial.number for other in self.trials)

    def _end_surplus(self, trial: Trial) -> None:
        trial.set_user_attr(SURPLUS, True)
        self.study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)

    def _abandoned(self, trial: FrozenTrial) -> bool:
        if self._alone:
            return True
        owner = trial.user_attrs.get(OWNER)
        if not isinstance(owner, dict):
            return self._ownerless_for_long(trial)
        process = RunProcess.of(owner)
        if process.is_from_the_future:  # by a wrong clock: from now on its age counts
            beat = {tags.HEARTBEAT: alive_tags()[tags.HEARTBEAT]}
            running_trial(self.study, self.storage, trial.number).set_user_attr(OWNER, {**owner, **beat})
        return is_gone(process) or is_this(process)

    def _ownerless_for_long(self, trial: FrozenTrial) -> bool:
        """Tell whether a trial has had no owner for long since a process first saw that.

        When it was begun says nothing: Optuna keeps the local time of a machine, perhaps of another time zone.
        """
        seen, now = trial.user_attrs.get(OWNERLESS), time.time()
        if not isinstance(seen, int | float) or seen > now + FUTURE_SECONDS:
            running_trial(self.study, self.storage, trial.number).set_user_attr(OWNERLESS, now)
            return False
        return now - seen > OWNERLESS_SECONDS

    def _claimed(self, trial: Trial) -> bool:
        """Claim an abandoned trial; if several processes do so at the same moment, the last one to write gets it."""
        claim = {**alive_tags(), "claim": uuid.uuid4().hex}
        trial.set_user_attr(OWNER, claim)
        if self._alone:
            return True
        time.sleep(CLAIM_SECONDS)
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return any(one.number == trial.number and one.user_attrs.get(OWNER) == claim for one in running)


def running_trial(study: Study, storage: RDBStorage, number: int) -> Trial:
    """Return a running trial that another process has asked for, as an object to report and suggest with.

    Study.ask returns such an object for new trials only. This class and the two look-ups have public names, but
    Optuna's documentation advises against calling them directly; nothing else in this package does.
    """
    study_id = storage.get_study_id_from_name(study.study_name)
    return Trial(study, storage.get_trial_id_from_study_id_trial_number(study_id, number))
