"""Training the best trials again with new seeds: the best of many trials is partly luck, new seeds show how much."""

from typing import NamedTuple

from overthink.comparison.ranges import metric_estimate
from overthink.definition.errors import DefinitionError
from overthink.definition.experiment import LoadedExperiment
from overthink.definition.loading import resolved
from overthink.launching.launch import launch
from overthink.launching.outcomes import Options, Outcomes, ProgressListener
from overthink.statistics.estimate import Estimate
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.reader import find_runs
from overthink.store.stored import newest_per_key
from overthink.sweep.best_definition import best_definition
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.results import TrialResult


class Confirmed(NamedTuple):
    """One objective of one of the best trials: in the sweep, and with seeds not used in the sweep."""

    trial: TrialResult
    metric: str
    swept: float
    """The objective's value in the sweep."""
    fresh: Estimate
    """The mean of the metric over fresh seeds."""
    shrinkage: float
    """By how much the fresh mean is worse than `swept`, in the metric's unit; below 0: better."""
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
        runs = newest_per_key(find_runs(store, kind=tags.KIND_RUN, group_key=key)).values()
        fresh = [run for run in runs if {*run.seeds} <= {*group.seeds} and run.outcome == tags.FINISHED]
        ids = tuple(run.run_id for run in fresh)
        for objective, swept in zip(loaded.sweep.objectives, trial.values, strict=True):
            values = [run.metrics[objective.metric] for run in fresh if objective.metric in run.metrics]
            if values:
                again = metric_estimate(objective.metric, values)
                worse = swept - again.mean if objective.goal == "maximize" else again.mean - swept
                found.append(Confirmed(trial, objective.metric, swept, again, worse, ids))
    return found, outcomes, experiment
