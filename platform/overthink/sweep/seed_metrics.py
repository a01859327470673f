"""The metrics of a trial's seeds that its sweep's objectives and constraints name."""

from collections.abc import Mapping, Sequence

from overthink.definition.run_definition import RunDefinition
from overthink.store import tags
from overthink.store.client import Store
from overthink.sweep.ask_tell import Ending
from overthink.sweep.definition import Sweep
from overthink.sweep.goal import LABELS, NETWORK
from overthink.sweep.label_metrics import MainPredictions, label_metrics
from overthink.sweep.network_metrics import network_metrics


class SeedMetrics:
    """Reads the metrics of seeds, and turns them into objective values and excesses over bounds."""

    def __init__(self, sweep: Sweep, store: Store) -> None:
        self._sweep = sweep
        self._names = [one.metric for one in (*sweep.objectives, *sweep.constraints)]
        self._main_predictions = MainPredictions(store)

    def before_training(self, run: RunDefinition) -> dict[str, float]:
        """Return the costs of a run's network; nothing if the sweep names no cost."""
        return network_metrics(run) if self._any_of(NETWORK) else {}

    def of_seed(self, run: RunDefinition, known: Mapping[str, float]) -> dict[str, float]:
        """Return the `known` metrics of a seed with those of its early-exit data set.

        Raises ValueError if a metric that the sweep names is missing.
        """
        labels = label_metrics(run, self._main_predictions.of(run)) if self._any_of(LABELS) else {}
        metrics = {**known, **labels}
        missing = [name for name in self._names if name not in metrics]
        if missing:
            raise ValueError(f"metric {missing[0]} is missing")
        return metrics

    def excess(self, seeds: Sequence[Mapping[str, float]]) -> dict[str, float]:
        """Return by how much seeds exceed each bound whose metric they have; 0 or less where they keep it."""
        bounds = [one for one in self._sweep.constraints if one.metric in seeds[0]]
        return {one.label: one.excess([seed[one.metric] for seed in seeds]) for one in bounds}

    def finished(self, seeds: Sequence[Mapping[str, float]]) -> Ending:
        """Return the ending of a trial whose seeds are all finished."""
        values = [one.over([seed[one.metric] for seed in seeds]) for one in self._sweep.objectives]
        return Ending(tags.FINISHED, values=values, excess=self.excess(seeds))

    def _any_of(self, kind: str) -> bool:
        return any(name.startswith(kind) for name in self._names)
