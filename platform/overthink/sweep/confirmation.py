"""Training the best trials again with new seeds: the best of many trials is partly luck, new seeds show how much."""

from collections.abc import Sequence
from typing import NamedTuple

from overthink.comparison.ranges import metric_estimate
from overthink.definition.errors import DefinitionError
from overthink.definition.experiment import LoadedExperiment
from overthink.definition.loading import resolved
from overthink.launching.launch import launch
from overthink.launching.outcomes import Options, Outcomes, ProgressListener
from overthink.seeds import expand
from overthink.statistics.estimate import Estimate
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.stored import finished_per_key
from overthink.sweep.best_definition import best_definition
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.goal import Objective, OverSeeds
from overthink.sweep.results import TrialResult


class Confirmed(NamedTuple):
    """One objective of one of the best trials: in the sweep, and with seeds not used in the sweep."""

    trial: TrialResult
    metric: str
    swept: float
    """The objective's value in the sweep."""
    over_seeds: OverSeeds
    """What that is over the seeds of a trial."""
    fresh: Estimate
    """The mean of the metric over fresh seeds."""
    shrinkage: float | None
    """See `shrinkage`."""
    run_ids: tuple[str, ...]


def confirm(
    loaded: LoadedSweep,
    best: tuple[TrialResult, ...],
    count: int,
    store: Store,
    options: Options,
    listener: ProgressListener,
) -> tuple[list[Confirmed], Outcomes, LoadedExperiment]:
    """Train the best trials with fresh seeds; return each objective's value beside the sweep's.

    Raises DefinitionError if an objective needs no training: it does not depend on seeds.
    """
    for one in loaded.sweep.objectives:
        if not one.metric.startswith("val/"):
            raise DefinitionError(f"{loaded.source}: {one.metric} needs no training, so fresh seeds cannot confirm it")
    experiment = resolved(best_definition(loaded, best, count), loaded.source)
    for sentence in experiment.merged_sentences:
        listener.on_message(sentence)
    outcomes = launch(store, [experiment], options, listener)
    found: list[Confirmed] = []
    for trial in best:
        key = loaded.at(trial.point, f"trial-{trial.number}").groups[0].definition.key
        group = next(group for group in experiment.groups if group.definition.key == key)
        runs = finished_per_key(find_runs(store, kind=tags.KIND_RUN, group_key=key))
        fresh = [run for run in runs if {*run.seeds} <= {*group.seeds}]
        ids = tuple(run.run_id for run in fresh)
        seeds = len(expand(loaded.sweep.seeds))
        for objective, swept in zip(loaded.sweep.objectives, trial.values, strict=True):
            values = [run.metrics[objective.metric] for run in fresh if objective.metric in run.metrics]
            if values:
                again = metric_estimate(objective.metric, values)
                worse = shrinkage(objective, swept, seeds, values)
                found.append(Confirmed(trial, objective.metric, swept, objective.over_seeds, again, worse, ids))
    return found, outcomes, experiment


def shrinkage(objective: Objective, swept: float, seeds: int, fresh: Sequence[float]) -> float | None:
    """Return by how much fresh values are worse than a sweep's value over so many seeds; below 0: better.

    Like is compared with like: the objective over the fresh seeds. The worst of more seeds is worse, and a single one
    has no deviation, so there is none where these numbers differ.

    >>> shrinkage(Objective(metric="val/accuracy/last", over_seeds="worst"), 0.5, 2, [0.4, 0.7])
    0.09999999999999998
    >>> shrinkage(Objective(metric="val/accuracy/last", over_seeds="worst"), 0.5, 2, [0.4, 0.7, 0.6])
    """
    deviates = objective.over_seeds == "mean-minus-std" and min(seeds, len(fresh)) > 1
    if not (objective.over_seeds == "mean" or deviates or seeds == len(fresh)):
        return None
    again = objective.over(fresh)
    return swept - again if objective.goal == "maximize" else again - swept
