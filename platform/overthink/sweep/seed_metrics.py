"""The metrics of a trial's seeds that its sweep's objectives and constraints name."""

from collections.abc import Mapping, Sequence

from overthink.definition.run_definition import RunDefinition
from overthink.metrics.naming import by_exit
from overthink.networks.cost import mul_adds_of_copy, parameter_counts
from overthink.store import tags
from overthink.store.client import Store
from overthink.sweep.ask_tell import Ending
from overthink.sweep.definition import Sweep
from overthink.sweep.goal import LABELS, NETWORK
from overthink.sweep.label_metrics import MainPredictions, label_metrics
from overthink.training.phases import blank_network


class SeedMetrics:
    """Reads the metrics of seeds, and turns them into objective values and excesses over bounds."""

    def __init__(self, sweep: Sweep, store: Store) -> None:
        self._sweep = sweep
        self._names = [one.metric for one in (*sweep.objectives, *sweep.constraints)]
        self._main_predictions = MainPredictions(store)

    def before_training(self, run: RunDefinition) -> dict[str, float]:
        """Return what `network_metrics` returns."""
        return network_metrics(self._sweep, run)

    def of_seed(self, run: RunDefinition, known: Mapping[str, float]) -> dict[str, float]:
        """Return the `known` metrics of a seed with those of its early-exit data set.

        Raises ValueError if a metric that the sweep names is missing.
        """
        labels = label_metrics(run, self._main_predictions.of(run)) if _names(self._sweep, LABELS) else {}
        metrics = {**known, **labels}
        missing = [name for name in self._names if name not in metrics]
        if missing:
            raise ValueError(f"metric {missing[0]} is missing")
        return metrics

    def excess(self, seeds: Sequence[Mapping[str, float]]) -> dict[str, float]:
        """Return by how much seeds exceed each bound on a metric that they have; 0 or less if they keep it."""
        bounds = [one for one in self._sweep.constraints if one.metric in seeds[0]]
        return {one.label: one.excess([seed[one.metric] for seed in seeds]) for one in bounds}

    def finished(self, seeds: Sequence[Mapping[str, float]]) -> Ending:
        """Return the ending of a trial after all its seeds have finished."""
        values = [one.over([seed[one.metric] for seed in seeds]) for one in self._sweep.objectives]
        return Ending(tags.FINISHED, values=values, excess=self.excess(seeds))


def network_metrics(sweep: Sweep, run: RunDefinition) -> dict[str, float]:
    """Return cumulative MUL-ADDs and parameters of each exit of a run's network, as it is in the last phase.

    Nothing if the sweep names no cost.
    """
    if not _names(sweep, NETWORK):
        return {}
    shape = run.dataset.input_shape
    network = blank_network(run.network, run.regime, shape, run.n_classes, run.seeds)
    parameters = by_exit(f"{NETWORK}/parameters", parameter_counts(network))
    return by_exit(f"{NETWORK}/mul_adds", mul_adds_of_copy(network, shape)) | parameters


def broken_bounds(sweep: Sweep, known: Mapping[str, float]) -> list[str]:
    """Return a clause for each bound of a sweep that the known metrics of a run exceed."""
    bounds = [one for one in sweep.constraints if one.metric in known]
    return [f"{one.metric} is {known[one.metric]:g}" for one in bounds if one.excess([known[one.metric]]) > 0]


def _names(sweep: Sweep, kind: str) -> bool:
    return any(one.metric.startswith(kind) for one in (*sweep.objectives, *sweep.constraints))
