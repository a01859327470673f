"""Metrics of a policy network's labels, from its main network's validation predictions: no policy is trained."""

from collections.abc import Sequence

from overthink.definition.run_definition import RunDefinition
from overthink.policy.exit_labels import balance
from overthink.predictions.common_samples import on_common_samples
from overthink.predictions.predictions import Predictions
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.stored import finished_per_key
from overthink.sweep.goal import LABELS


class MainPredictions:
    """Validation predictions of main networks, read once each."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Predictions] = {}

    def of(self, policy: RunDefinition) -> list[Predictions]:
        """Return those that label a policy's samples, on common samples; raises ValueError if one is not trained."""
        assert policy.chooses_for is not None
        main, *averaged = on_common_samples([self._of(run.key) for run in (policy.chooses_for, *policy.labelled_by)])
        return averaged or [main]

    def _of(self, key: str) -> Predictions:
        if key not in self._known:
            finished = finished_per_key(find_runs(self._store, kind=tags.KIND_RUN, run_key=key))
            if not finished:
                raise ValueError(f"the main network (run key {key}) is not trained")
            self._known[key] = self._store.predictions(finished[0].run_id, "val")
        return self._known[key]


def label_metrics(policy: RunDefinition, trainings: Sequence[Predictions]) -> dict[str, float]:
    """Return the balance of labels over exits, each exit's share, and the fraction of samples left out."""
    assert policy.policy is not None
    found = policy.policy.labels.of(*trainings)
    shares = found.count_C / max(found.count_C.sum(), 1)
    return {
        f"{LABELS}/balance": balance(found.count_C),
        f"{LABELS}/left_out": found.n_left_out / len(trainings[0].ids_N),
        **{f"{LABELS}/share/exit_{exit}": float(share) for exit, share in zip(found.exits, shares, strict=True)},
    }
