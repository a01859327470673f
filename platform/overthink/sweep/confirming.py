"""Is the best trial as good as it looked? It was chosen for its luck, too; fresh seeds have none of that."""

from typing import NamedTuple

from overthink.definition.errors import DefinitionError
from overthink.definition.experiment import LoadedExperiment
from overthink.definition.loading import resolved
from overthink.launching.launch import launch
from overthink.launching.outcomes import Options, Outcomes, ProgressListener
from overthink.statistics.estimate import Estimate, estimate
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.reader import find_runs
from overthink.store.stored import newest_per_key
from overthink.sweep.best_definition import best_definition
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.results import TrialResult


class Confirmed(NamedTuple):
    """One objective of one of the best trials: in the sweep, and with seeds that the sweep never saw."""

    trial: TrialResult
    metric: str
    swept: float
    """What the study was told."""
    fresh: Estimate
    """Mean over fresh seeds, of the metric itself."""
    shrinkage: float
    """By how much the fresh mean is worse than what the study was told, in the metric's unit; below 0: better."""
    run_ids: tuple[str, ...]


def confirm(
    loaded: LoadedSweep,
    best: tuple[TrialResult, ...],
    count: int,
    store: Store,
    options: Options,
    watch: ProgressListener,
) -> tuple[list[Confirmed], Outcomes, LoadedExperiment]:
    """Train the best trials with fresh seeds, and return what they come to.

    Raises DefinitionError where an objective is known without training: no seed has a part in it.
    """
    lucky = [one.metric for one in loaded.sweep.objectives if one.metric.startswith("val/")]
    if len(lucky) < len(loaded.sweep.objectives):
        untrained = next(one.metric for one in loaded.sweep.objectives if one.metric not in lucky)
        raise DefinitionError(f"{loaded.source}: {untrained} needs no training, so fresh seeds have nothing to confirm")
    experiment = resolved(best_definition(loaded, best, count), loaded.source)
    outcomes = launch(store, [experiment], options, watch)
    found: list[Confirmed] = []
    for trial in best:
        key = loaded.at(trial.point, f"trial-{trial.number}").groups[0].definition.key
        group = next(group for group in experiment.groups if group.definition.key == key)
        runs = newest_per_key(find_runs(store, kind=tags.KIND_RUN, group_key=key)).values()
        fresh = [run for run in runs if {*run.seeds} <= {*group.seeds} and run.outcome == tags.FINISHED]
        for objective, swept in zip(loaded.sweep.objectives, trial.values, strict=True):
            values = [run.metrics[objective.metric] for run in fresh if objective.metric in run.metrics]
            if values:
                told = estimate(values)
                worse = swept - told.mean if objective.way == "maximize" else told.mean - swept
                found.append(Confirmed(trial, objective.metric, swept, told, worse, tuple(run.run_id for run in fresh)))
    return found, outcomes, experiment
