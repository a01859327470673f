"""Sweeps among stored runs: of each, its best trial alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from overthink.comparison.arms import asked_for
from overthink.seeds import Seeds
from overthink.store.stored import StoredRun


def with_best_trials(runs: Sequence[StoredRun]) -> list[StoredRun]:
    """Return runs and groups, of each sweep only its best trials, with `best_of` set.

    Runs of other trials stay where another group that is listed asks for them. A sweep without a finished trial that
    keeps its bounds stays as it is.
    """
    best = {trial.run_id: trial for trials in _sweeps(runs).values() for trial in best_trials(trials)}
    folded = {trial.definition for trial in best.values()}
    sweeps = {"", *(trial.sweep for trial in best.values())}  # a trial that is being trained has no sweep yet
    left_out = {
        run.run_id
        for run in runs
        if run.is_group and run.definition in folded and run.sweep in sweeps and run.run_id not in best
    }
    needed = _members(run for run in runs if run.is_group and run.run_id not in left_out)
    not_needed = _members(run for run in runs if run.run_id in left_out) - needed
    return [
        best.get(run.run_id, run)
        for run in runs
        if run.run_id not in left_out and (run.is_group or not _members([run]) & not_needed)
    ]


def without_trials(found: Iterable[StoredRun], runs: Sequence[StoredRun]) -> list[StoredRun]:
    """Return those runs and groups that are of no sweep, or that another group of the runs asks for, too."""
    of_trials = _members(run for run in runs if run.is_group and run.sweep)
    alone = of_trials - _members(run for run in runs if run.is_group and not run.sweep)
    return [run for run in found if not (run.sweep if run.is_group else _members([run]) & alone)]


def best_trials(trials: Sequence[StoredRun]) -> list[StoredRun]:
    """Return the best of a sweep's trials that keep its bounds, with `best_of` set.

    Of equals it is the first; with several objectives, all trials that no other one dominates (the Pareto front).
    """
    scored = [trial for trial in sorted(trials, key=lambda trial: trial.trial or 0) if _can_be_best(trial)]
    losses = [_losses(trial) for trial in scored]
    found = [
        trial
        for trial, mine in zip(scored, losses, strict=True)
        if not any(_dominates(other, mine) for other in losses)
    ]
    first = 1 if found and len(_losses(found[0])) == 1 else None
    return [replace(trial, best_of=len(trials)) for trial in found[:first]]


def _can_be_best(trial: StoredRun) -> bool:
    return trial.score is not None and trial.score.keeps_bounds and bool(trial.score.objectives)


def _sweeps(runs: Iterable[StoredRun]) -> dict[str, list[StoredRun]]:
    sweeps: dict[str, list[StoredRun]] = {}
    for run in runs:
        if run.is_group and run.sweep:
            sweeps.setdefault(run.sweep, []).append(run)
    return sweeps


def _dominates(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return one.keys() == other.keys() and one != other and all(one[name] <= other[name] for name in one)


def _losses(trial: StoredRun) -> dict[str, float]:
    """Return the objectives by metric, turned so that lower is better."""
    objectives = trial.score.objectives if trial.score else ()
    return {one.metric: one.value if one.goal == "minimize" else -one.value for one in objectives}


def _members(runs: Iterable[StoredRun]) -> set[tuple[str, Seeds]]:
    """Return key and seeds of the runs that groups ask for, and of runs themselves."""
    return set(_each_member(runs))


def _each_member(runs: Iterable[StoredRun]) -> Iterator[tuple[str, Seeds]]:
    for run in runs:
        for seeds in asked_for(run) if run.is_group else run.seeds:
            yield run.group_key, seeds
