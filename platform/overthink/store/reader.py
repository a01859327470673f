"""Reading runs back from a store, as typed records without MLflow."""

from collections.abc import Iterator
from typing import NamedTuple

from mlflow.entities import Run, ViewType
from mlflow.exceptions import MlflowException
from pydantic import JsonValue

from overthink.store import sqlite_reader, tags
from overthink.store.client import Store
from overthink.store.raw_run import RawRun, changes_of
from overthink.store.stored import StoredRun, data_seen
from overthink.store.uri import database_file

PAGE = 1000


def find_runs(store: Store, **wanted: str) -> list[StoredRun]:
    """Return the runs whose tags have the wanted values (names without the `overthink.`), newest first."""
    named = {f"overthink.{name}": _quoted(value) for name, value in wanted.items()}
    if (database := database_file(store.uri)) is not None:
        with store.sentences():
            found = sqlite_reader.tagged(database, named)
        if found is not None:
            return [run.parsed() for run in found]
    return list(search(store, " and ".join(f"tags.`{name}` = '{value}'" for name, value in named.items())))


def search(store: Store, conditions: str) -> Iterator[StoredRun]:
    """Yield the active runs of a store that meet MLflow's filter conditions, newest first."""
    return (run.parsed() for run in search_raw(store, conditions))


def search_raw(store: Store, conditions: str) -> Iterator[RawRun]:
    """Yield the same runs with their tags as the store has them."""
    ids = list(store.experiment_names())
    token = None
    while True:
        with store.sentences():
            page = store.client.search_runs(
                ids, conditions, ViewType.ACTIVE_ONLY, PAGE, ["attributes.start_time DESC"], page_token=token
            )
        yield from map(_raw, page)
        token = page.token
        if not token:
            return


class StoredDefinition(NamedTuple):
    """A run's definition as the store has it; none of it is to be trusted."""

    text: str
    """The resolved definition as JSON."""
    name: str
    variant: str
    changes: dict[str, JsonValue]
    changes_label: str
    description: str


def stored_definition(store: Store, run_id: str) -> StoredDefinition:
    """Return the definition that is stored with a run."""
    with store.sentences():
        run = store.client.get_run(run_id)
        experiment = store.client.get_experiment(run.info.experiment_id)
    return StoredDefinition(
        store.text(run_id, tags.DEFINITION_FILE),
        name=run.data.tags.get(tags.DEFINITION, "repeated"),
        variant=run.data.tags.get(tags.VARIANT, "base"),
        changes=changes_of(run.data.tags),
        changes_label=run.data.tags.get(tags.CHANGES, ""),
        description=experiment.tags.get(tags.MLFLOW_NOTE) or f"Repeats run {run_id}.",
    )


def _raw(run: Run) -> RawRun:
    return RawRun(
        run_id=run.info.run_id,
        experiment_id=run.info.experiment_id,
        name=run.info.run_name or "",
        status=run.info.status,
        started_ms=run.info.start_time or 0,
        ended_ms=run.info.end_time,
        tags=dict(run.data.tags),
        metrics=dict(run.data.metrics),
        params=dict(run.data.params),
        data=data_seen(_digests(run)),
    )


def run_of(store: Store, run_id: str) -> StoredRun:
    """Return the run of an id; raises StoreError where there is none."""
    with store.sentences():
        return _raw(store.client.get_run(run_id)).parsed()


def active_run(store: Store, run_id: str) -> StoredRun | None:
    """Return the run of an id, or None where it is in the trash or deleted for good."""
    run = _found(store, run_id)
    return _raw(run).parsed() if run is not None and run.info.lifecycle_stage == "active" else None


def deleted_attempt(store: Store, handle: str) -> str | None:
    """Return the id of a run in the trash by the name that it had in its journal, or None where there is none."""
    wanted = f"tags.`{tags.ATTEMPT}` = '{_quoted(handle)}'"
    with store.sentences():
        found = store.client.search_runs(list(store.experiment_names()), wanted, ViewType.DELETED_ONLY, 1)
    return found[0].info.run_id if found else None


def is_purged(store: Store, run_id: str) -> bool:
    """Tell whether a run is deleted for good, or was in a database that is gone; one in the trash is not."""
    return _found(store, run_id) is None


def _found(store: Store, run_id: str) -> Run | None:
    """Return the run of an id, also one in the trash."""
    with store.sentences():
        try:
            return store.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
    return None


def _digests(run: Run) -> set[str]:
    return {entry.dataset.digest for entry in run.inputs.dataset_inputs} if run.inputs else set()


def deleted_run_ids(store: Store) -> set[str]:
    """Return the ids of the runs in the trash."""
    with store.sentences():
        ids = list(store.experiment_names())
        return {run.info.run_id for run in store.client.search_runs(ids, "", ViewType.DELETED_ONLY, 50_000)}


def _quoted(value: str) -> str:
    if "'" in value:
        raise ValueError(f"{value!r} cannot be searched for in a store")
    return value
