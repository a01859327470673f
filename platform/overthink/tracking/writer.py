"""Writing runs and groups to a store. Explicit run ids everywhere, one batched request a moment, nothing global."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from pydantic import JsonValue

from overthink.tracking import tags
from overthink.tracking.liveness import alive_tags
from overthink.tracking.store import Store

METRICS_A_REQUEST = 1000
PARAMS_A_REQUEST = 100
LONGEST_PARAM = 6000
LONGEST_TAG = 8000
"""Characters that MLflow keeps; it would cut silently."""


class Writer:
    """Writes to one store, and adds up the seconds it spends doing so."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.seconds = 0.0

    def create(self, experiment_id: str, name: str, run_tags: Mapping[str, str], params: Mapping[str, str]) -> str:
        """Create a run that is findable and alive from its first moment; return its id."""
        started = time.perf_counter()
        with self._store.sentences():
            run = self._store.client.create_run(
                experiment_id,
                start_time=_now_ms(),
                tags={key: shortened(value, LONGEST_TAG) for key, value in {**run_tags, **alive_tags()}.items()},
                run_name=name,
            )
        self.seconds += time.perf_counter() - started
        self.log(run.info.run_id, params=params)
        return str(run.info.run_id)

    def delete(self, run_id: str) -> None:
        """Put a run into the trash."""
        with self._store.sentences():
            self._store.client.delete_run(run_id)

    def beat(self, run_ids: Iterable[str]) -> None:
        """Say of running runs that somebody is still at them."""
        for run_id in run_ids:
            self.log(run_id, run_tags={tags.HEARTBEAT: alive_tags()[tags.HEARTBEAT]})

    def revive(self, run_id: str) -> None:
        """Mark a run that an earlier process left as running again, in this process."""
        # First the tags: a run that is RUNNING under the name of a dead process is somebody else's to reap.
        self.log(run_id, run_tags={**alive_tags(), tags.OUTCOME: tags.RUNNING, tags.MESSAGE: ""})
        started = time.perf_counter()
        with self._store.sentences():
            self._store.client.update_run(run_id, status="RUNNING")
        self.seconds += time.perf_counter() - started

    def log(
        self,
        run_id: str,
        metrics: Mapping[str, float] | None = None,
        step: int = 0,
        params: Mapping[str, str] | None = None,
        run_tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write metrics (all of one step), parameters and tags, in as few requests as MLflow takes."""
        now = _now_ms()
        metric_rows = [Metric(key, value, now, step) for key, value in (metrics or {}).items()]
        param_rows = [Param(key, shortened(value, LONGEST_PARAM)) for key, value in (params or {}).items()]
        tag_rows = [RunTag(key, shortened(value, LONGEST_TAG)) for key, value in (run_tags or {}).items()]
        started = time.perf_counter()
        with self._store.sentences():
            for first in range(0, max(len(metric_rows), bool(tag_rows)), METRICS_A_REQUEST - PARAMS_A_REQUEST):
                rows = metric_rows[first : first + METRICS_A_REQUEST - PARAMS_A_REQUEST]
                self._store.client.log_batch(run_id, rows, tags=tag_rows if first == 0 else ())
            for first in range(0, len(param_rows), PARAMS_A_REQUEST):
                self._store.client.log_batch(run_id, params=param_rows[first : first + PARAMS_A_REQUEST])
        self.seconds += time.perf_counter() - started

    def logged_steps(self, run_id: str, metric: str) -> set[int]:
        """Return the steps at which a metric is there already: a step logged twice would be kept twice."""
        with self._store.sentences():
            return {entry.step for entry in self._store.client.get_metric_history(run_id, metric)}

    def dataset(self, run_id: str, name: str, digest: str, source: Mapping[str, JsonValue]) -> None:
        """Say what data a run used."""
        entity = Dataset(
            name=name,
            digest=digest[:36],  # MLflow keeps 36 characters
            source_type="overthink",
            source=json.dumps(source),
            profile=json.dumps({"sha256": digest}),
        )
        started = time.perf_counter()
        with self._store.sentences():
            self._store.client.log_inputs(run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", "training")])])
        self.seconds += time.perf_counter() - started

    def artifacts(self, run_id: str, files: Iterable[Path], folder: str | None = None) -> None:
        """Store files with a run."""
        started = time.perf_counter()
        with self._store.sentences():
            for file in files:
                self._store.client.log_artifact(run_id, str(file), folder)
        self.seconds += time.perf_counter() - started

    def text(self, run_id: str, name: str, content: str | Mapping[str, Any] | Sequence[Any]) -> None:
        """Store a text, or plain data as JSON, as an artifact."""
        text = content if isinstance(content, str) else json.dumps(content, indent=2, sort_keys=True)
        started = time.perf_counter()
        with self._store.sentences():
            self._store.client.log_text(run_id, text, name)
        self.seconds += time.perf_counter() - started

    def close(self, run_id: str, outcome: str, message: str = "") -> None:
        """End a run with the status that fits its outcome."""
        self.log(run_id, run_tags={tags.OUTCOME: outcome, tags.MESSAGE: shortened(message, 1000)})
        status = {tags.FINISHED: "FINISHED", tags.INTERRUPTED: "KILLED", tags.PRUNED: "KILLED"}.get(outcome, "FAILED")
        started = time.perf_counter()
        with self._store.sentences():
            self._store.client.set_terminated(run_id, status, _now_ms())
        self.seconds += time.perf_counter() - started


def shortened(text: str, longest: int) -> str:
    """Return the text, cut visibly where the store would cut it silently."""
    return text if len(text) <= longest else text[: longest - 6] + " [cut]"


def _now_ms() -> int:
    return int(time.time() * 1000)
