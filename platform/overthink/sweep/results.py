"""What a sweep has found so far: its trials as plain records, the best of them first."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from overthink.store import tags
from overthink.sweep.ask_tell import RESULT
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.space import Value, said
from overthink.sweep.study import CARRIED


class TrialResult(NamedTuple):
    """A trial that has ended, or is open."""

    number: int
    point: dict[str, Value]
    outcome: str
    """finished, pruned, diverged, failed or running."""
    values: tuple[float, ...]
    """One an objective; none where it is not finished."""
    keeps_bounds: bool
    run_id: str
    """Of the trial's run in the store; empty while there is none."""
    message: str
    seconds: float | None
    carried: str
    """The study and trial that it was carried over from; empty for one of this study."""

    @property
    def said(self) -> str:
        """What it tried, in a few words."""
        return said(self.point)


class Results(NamedTuple):
    """All trials of a sweep."""

    trials: tuple[TrialResult, ...]
    best: tuple[TrialResult, ...]
    """The best trial; with several objectives, those that no other one beats in all of them (Pareto)."""

    @property
    def counts(self) -> dict[str, int]:
        """Outcome -> how many trials."""
        return dict(Counter(trial.outcome for trial in self.trials if not trial.carried))


def results_of(loaded: LoadedSweep, study: Study) -> Results:
    """Return the trials of a study and the best among those that keep the sweep's bounds."""
    trials = tuple(_result(trial) for trial in study.get_trials(deepcopy=False) if trial.state != TrialState.WAITING)
    ways = [objective.way for objective in loaded.sweep.objectives]
    fit = [trial for trial in trials if trial.outcome == tags.FINISHED and trial.keeps_bounds]
    best = [one for one in fit if not any(_beats(other, one, ways) for other in fit)]
    if len(ways) == 1:
        best = best[:1]  # of equals the first
    return Results(trials, tuple(sorted(_once(best), key=lambda trial: trial.values)))


def ranked(found: Results, ways: Sequence[str]) -> list[TrialResult]:
    """Return finished trials, each point once, those that keep the bounds first, then by the first objective."""
    sign = -1 if ways[0] == "maximize" else 1
    finished = _once(trial for trial in found.trials if trial.outcome == tags.FINISHED)
    return sorted(finished, key=lambda trial: (not trial.keeps_bounds, sign * trial.values[0]))


def _once(trials: Iterable[TrialResult]) -> list[TrialResult]:
    """Return the first trial of each point; a sampler may come back to one, which trains nothing again."""
    first: dict[str, TrialResult] = {}
    for trial in trials:
        first.setdefault(str(sorted(trial.point.items())), trial)
    return list(first.values())


def _beats(one: TrialResult, other: TrialResult, ways: Sequence[str]) -> bool:
    signs = [1 if way == "maximize" else -1 for way in ways]
    ahead = [sign * (a - b) for sign, a, b in zip(signs, one.values, other.values, strict=True)]
    return min(ahead) >= 0 and max(ahead) > 0


def _result(trial: FrozenTrial) -> TrialResult:
    kept: Any = trial.user_attrs.get(RESULT)
    told: Mapping[str, Any] = kept if isinstance(kept, dict) else {}
    outcome = {TrialState.COMPLETE: tags.FINISHED, TrialState.PRUNED: tags.PRUNED, TrialState.RUNNING: tags.RUNNING}
    duration = trial.duration
    return TrialResult(
        number=trial.number,
        point=dict(trial.params),
        outcome=outcome.get(trial.state, str(told.get("outcome", tags.FAILED))),
        values=tuple(trial.values or ()) if trial.state == TrialState.COMPLETE else (),
        keeps_bounds=all(value <= 0 for value in trial.constraints.values()),
        run_id=str(told.get("run_id", "")),
        message=str(told.get("message", "")),
        seconds=duration.total_seconds() if duration is not None else None,
        carried=str(trial.user_attrs.get(CARRIED, "")),
    )
