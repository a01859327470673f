"""Writing runs and groups to a store. Explicit run ids everywhere, one batched request a moment, nothing global."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from pydantic import JsonValue

from overthink.sentences import utf_8
from overthink.store import tags
from overthink.store.artifact_files import check_place
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.liveness import alive_tags
from overthink.store.page_links import with_page
from overthink.store.unreadable import UnreadableRunError, reading
from overthink.store.uri import local_folder
from overthink.store.view import run_link

METRICS_A_REQUEST = 1000
PARAMS_A_REQUEST = 100
LONGEST_PARAM = 6000
LONGEST_TAG = 8000
"""Characters that MLflow keeps; it would cut silently."""

NOT_STORED = (StoreError, UnreadableRunError, OSError)
"""What ends a page's way into a store: it is refused, its place is a link, or a disk is full."""

Content = str | Mapping[str, Any] | Sequence[Any]


class Value(NamedTuple):
    """A metric's value at a step, and when it was taken (Unix time in milliseconds)."""

    key: str
    value: float
    step: int
    time_ms: int


class Writer:
    """Writes to one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self,
        experiment_id: str,
        name: str,
        run_tags: Mapping[str, str],
        params: Mapping[str, str],
        started_ms: int | None = None,
        alive: Mapping[str, str] | None = None,
    ) -> str:
        """Create a run that names its process (this one, or that of `alive`) from its first moment; return its id."""
        all_tags = {**run_tags, **(alive or alive_tags())}
        with self._store.sentences():
            run = self._store.client.create_run(
                experiment_id,
                start_time=started_ms or now_ms(),
                tags={key: shortened(value, LONGEST_TAG) for key, value in all_tags.items()},
                run_name=name,
            )
        if params:
            self.log(run.info.run_id, params=params)
        return str(run.info.run_id)

    def delete(self, run_id: str) -> None:
        """Put a run into the trash; where only others may, as on a group's server, leave it where nothing finds it."""
        with self._store.sentences():
            try:
                self._store.client.delete_run(run_id)
                return
            except MlflowException as error:
                if error.error_code != "PERMISSION_DENIED":
                    raise
        found_by = (tags.KIND, tags.RUN_KEY, tags.GROUP_KEY, tags.ATTEMPT)
        self.log(run_id, run_tags=dict.fromkeys(found_by, ""))
        self.close(run_id, tags.INTERRUPTED, "made twice, since a reply of the server was lost; can be deleted")

    def heartbeat(self, run_ids: Iterable[str]) -> None:
        """Renew the heartbeats of running runs."""
        for run_id in run_ids:
            self.log(run_id, run_tags={tags.HEARTBEAT: alive_tags()[tags.HEARTBEAT]})

    def resume(self, run_id: str, alive: Mapping[str, str] | None = None) -> None:
        """Mark a run that an earlier process left as running again, in this process or the one that `alive` names."""
        # First the tags: a run that is RUNNING and names a dead process would be marked as interrupted.
        self.log(run_id, run_tags={**(alive or alive_tags()), tags.OUTCOME: tags.RUNNING, tags.MESSAGE: ""})
        with self._store.sentences():
            self._store.client.update_run(run_id, status="RUNNING")

    def log(
        self,
        run_id: str,
        metrics: Mapping[str, float] | None = None,
        step: int = 0,
        params: Mapping[str, str] | None = None,
        run_tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write metrics (all of one step), parameters and tags, in as few requests as MLflow takes."""
        now = now_ms()
        self.write(run_id, [Value(key, value, step, now) for key, value in (metrics or {}).items()], params, run_tags)

    def write(
        self,
        run_id: str,
        values: Sequence[Value],
        params: Mapping[str, str] | None = None,
        run_tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write values of metrics, parameters and tags, in as few requests as MLflow takes.

        The store keeps a value of the same metric, step and time once: written again, nothing is doubled.
        """
        metric_rows = [Metric(value.key, value.value, value.time_ms, value.step) for value in values]
        param_rows = [Param(key, shortened(value, LONGEST_PARAM)) for key, value in (params or {}).items()]
        tag_rows = [RunTag(key, shortened(value, LONGEST_TAG)) for key, value in (run_tags or {}).items()]
        at_once = METRICS_A_REQUEST - 2 * PARAMS_A_REQUEST
        requests = max(-(-len(metric_rows) // at_once), -(-len(param_rows) // PARAMS_A_REQUEST), 1)
        with self._store.sentences():
            for number in range(requests):
                rows = metric_rows[number * at_once : (number + 1) * at_once]
                some = param_rows[number * PARAMS_A_REQUEST : (number + 1) * PARAMS_A_REQUEST]
                self._store.client.log_batch(run_id, rows, some, tag_rows if number == 0 else ())

    def logged_steps(self, run_id: str, metric: str) -> set[int]:
        """Return the steps at which a metric is there already: a step logged twice would be kept twice."""
        with self._store.sentences():
            return {entry.step for entry in self._store.client.get_metric_history(run_id, metric)}

    def dataset(self, run_id: str, name: str, digest: str, source: Mapping[str, JsonValue]) -> None:
        """Log what data a run used."""
        entity = Dataset(
            name=name,
            digest=digest[:36],  # MLflow keeps 36 characters
            source_type="overthink",
            source=json.dumps(source),
            profile=json.dumps({"sha256": digest}),
        )
        with self._store.sentences():
            self._store.client.log_inputs(run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", "training")])])

    def artifacts(self, run_id: str, files: Iterable[Path], folder: str | None = None) -> None:
        """Store files with a run; raises UnreadableRunError where its folder is a link to somewhere else."""
        with self._store.sentences():
            repository = self._store.repository(run_id)
            place = local_folder(repository.artifact_uri)
            for file in files:
                name = f"{folder}/{file.name}" if folder else file.name
                if place is not None:
                    with reading(run_id, name):
                        check_place(place, name)
                repository.log_artifact(str(file), folder)

    def text(self, run_id: str, name: str, content: Content) -> None:
        """Store a text, or plain data as JSON, as an artifact."""
        folder, _, file = name.rpartition("/")
        with TemporaryDirectory() as temporary:
            (Path(temporary) / file).write_text(as_text(content), encoding="utf-8")
            self.artifacts(run_id, [Path(temporary) / file], folder or None)

    def page(self, run_id: str, name: str, content: str) -> list[str]:
        """Add a page to a run; where that fails, return a sentence on it: what is shown anyway is not lost by that."""
        try:
            self.linked_page(run_id, name, content)
        except NOT_STORED as error:
            return [f"artifact {name} is not stored: {error}"]
        return []

    def linked_page(self, run_id: str, name: str, content: str) -> None:
        """Add a page to a run that has its description already, and a link to the page to that."""
        self.text(run_id, name, content)
        with self._store.sentences():
            run = self._store.client.get_run(run_id)
        note = run.data.tags.get(tags.MLFLOW_NOTE, "")
        longer = with_page(note, name, run_link(run.info.experiment_id, run_id, f"/artifacts/{name}"))
        if longer != note and len(longer) <= LONGEST_TAG:
            self.log(run_id, run_tags={tags.MLFLOW_NOTE: longer})

    def close(self, run_id: str, outcome: str, message: str = "", ended_ms: int | None = None) -> None:
        """End a run with the status that fits its outcome."""
        self.log(run_id, run_tags={tags.OUTCOME: outcome, tags.MESSAGE: shortened(message, 1000)})
        status = {tags.FINISHED: "FINISHED", tags.INTERRUPTED: "KILLED", tags.PRUNED: "KILLED"}.get(outcome, "FAILED")
        with self._store.sentences():
            self._store.client.set_terminated(run_id, status, ended_ms or now_ms())


def as_text(content: Content) -> str:
    """Return a text as it is, and plain data as JSON."""
    return content if isinstance(content, str) else json.dumps(content, indent=2, sort_keys=True)


def shortened(text: str, longest: int) -> str:
    """Return the text, cut visibly where the store would cut it silently; of bytes that are no UTF-8, `?`."""
    text = utf_8(text)
    return text if len(text) <= longest else text[: longest - 6] + " [cut]"


def now_ms() -> int:
    """Return the Unix time in milliseconds."""
    return int(time.time() * 1000)
