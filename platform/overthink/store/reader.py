"""Reading runs back from a store, as typed records without MLflow."""

from typing import NamedTuple

from mlflow.entities import Run, ViewType
from mlflow.exceptions import MlflowException
from pydantic import JsonValue

from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import quoted
from overthink.store.raw_run import changes_of
from overthink.store.searching import raw
from overthink.store.stored import StoredRun


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


def run_of(store: Store, run_id: str) -> StoredRun:
    """Return the run of an id; raises StoreError where there is none."""
    with store.sentences():
        return raw(store.client.get_run(run_id)).parsed()


def active_run(store: Store, run_id: str) -> StoredRun | None:
    """Return the run of an id, or None where it is in the trash or deleted for good."""
    run = _found(store, run_id)
    return raw(run).parsed() if run is not None and run.info.lifecycle_stage == "active" else None


def deleted_attempt(store: Store, handle: str) -> str | None:
    """Return the id of a run in the trash by the name that it had in its journal, or None where there is none."""
    wanted = f"tags.`{tags.ATTEMPT}` = '{quoted(handle)}'"
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


def deleted_run_ids(store: Store) -> set[str]:
    """Return the ids of the runs in the trash."""
    with store.sentences():
        ids = list(store.experiment_names())
        return {run.info.run_id for run in store.client.search_runs(ids, "", ViewType.DELETED_ONLY, 50_000)}
