"""The results of a sweep so far: its trials as plain records, and the best of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from overthink.sentences import number_of
from overthink.store import tags
from overthink.sweep.ask_tell import RESULT
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.space import Value, format_point
from overthink.sweep.study import CARRIED, trials_of


class TrialResult(NamedTuple):
    """A trial, ended or open."""

    number: int
    point: dict[str, Value]
    outcome: str
    """finished, pruned, diverged, failed or running."""
    values: tuple[float, ...]
    """One for each objective; none if it is not finished."""
    keeps_bounds: bool
    run_id: str
    """The trial's run in the store; empty while there is none."""
    message: str
    seconds: float | None
    carried: str
    """The study and trial that it was copied from; empty for a trial of this study."""

    @property
    def label(self) -> str:
        """Its parameters as text."""
        return format_point(self.point)


class Results(NamedTuple):
    """All trials of a sweep."""

    trials: tuple[TrialResult, ...]
    best: tuple[TrialResult, ...]
    """The best trial; with several objectives, the Pareto front."""

    @property
    def counts(self) -> dict[str, int]:
        """Outcome -> number of trials."""
        return dict(Counter(trial.outcome for trial in self.trials if not trial.carried))

    @property
    def counted(self) -> str:
        """The number of trials by outcome, as text."""
        parts = [f"{count} {outcome}" for outcome, count in sorted(self.counts.items(), key=lambda item: -item[1])]
        carried = sum(bool(trial.carried) for trial in self.trials)
        more = f"; {carried} copied from other sweeps" if carried else ""
        trials = number_of(sum(self.counts.values()), "trial")
        return f"{trials}: {', '.join(parts)}{more}" if parts else f"no trials{more}"


def results_of(loaded: LoadedSweep, study: Study) -> Results:
    """Return the trials of a study, and the best of those that keep the sweep's bounds."""
    trials = tuple(_result(trial) for trial in trials_of(study) if trial.state != TrialState.WAITING)
    front = {trial.number for trial in study.best_trials}
    best = [trial for trial in trials if trial.number in front]
    if len(loaded.sweep.objectives) == 1:
        best = best[:1]  # the first of equals
    return Results(trials, tuple(sorted(_unique_points(best), key=lambda trial: trial.values)))


def trials_left(loaded: LoadedSweep, found: Results) -> int:
    """Return the number of trials to begin or to go on with."""
    running = found.counts.get(tags.RUNNING, 0)
    return running + max(loaded.sweep.wanted - sum(found.counts.values()), 0)


def ranked(found: Results, goals: Sequence[str]) -> list[TrialResult]:
    """Return finished trials, each point once: those that keep the bounds first, then by the first objective."""
    sign = -1 if goals[0] == "maximize" else 1
    finished = _unique_points(trial for trial in found.trials if trial.outcome == tags.FINISHED)
    return sorted(finished, key=lambda trial: (not trial.keeps_bounds, sign * trial.values[0]))


def _unique_points(trials: Iterable[TrialResult]) -> list[TrialResult]:
    """Return the first trial of each point; a sampler may repeat a point, which is not trained again."""
    first: dict[str, TrialResult] = {}
    for trial in trials:
        first.setdefault(str(sorted(trial.point.items())), trial)
    return list(first.values())


def _result(trial: FrozenTrial) -> TrialResult:
    kept: Any = trial.user_attrs.get(RESULT)
    result: Mapping[str, Any] = kept if isinstance(kept, dict) else {}
    outcome = {TrialState.COMPLETE: tags.FINISHED, TrialState.PRUNED: tags.PRUNED, TrialState.RUNNING: tags.RUNNING}
    duration = trial.duration
    return TrialResult(
        number=trial.number,
        point=dict(trial.params),
        outcome=outcome.get(trial.state, str(result.get("outcome", tags.FAILED))),
        values=tuple(trial.values or ()) if trial.state == TrialState.COMPLETE else (),
        keeps_bounds=all(value <= 0 for value in trial.constraints.values()),
        run_id=str(result.get("run_id", "")),
        message=str(result.get("message", "")),
        seconds=duration.total_seconds() if duration is not None else None,
        carried=str(trial.user_attrs.get(CARRIED, "")),
    )
