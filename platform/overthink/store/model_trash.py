"""MLflow models of an SQLite store that may be deleted, with their files.

A database is not trusted: a model's files are only those in the folder of its own id below `mlruns` beside it.
"""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from overthink.store import tags
from overthink.store.sqlite_reader import now_at, opened
from overthink.store.uri import database_file, engine_uri, local_folder

if TYPE_CHECKING:
    from overthink.store.client import Store

MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
UNREGISTERED = f"""
    SELECT model_id, source_run_id, artifact_location FROM logged_models
    WHERE source_run_id IN (SELECT run_uuid FROM tags WHERE key = '{tags.KIND}')
    AND 'models:/' || model_id NOT IN (SELECT source FROM model_versions WHERE source IS NOT NULL)
"""


class RunModel(NamedTuple):
    """An MLflow model of a run of ours, which is no version of a registered model."""

    model_id: str
    run_id: str
    folder: Path


def models_of_runs(database: Path) -> list[RunModel]:
    """Return the models that keep their files below `mlruns` beside the database; nothing can be wrong."""
    root = (database.absolute().parent / "mlruns").resolve()
    try:
        with closing(opened(database)) as connection:
            rows = [tuple(map(str, row)) for row in connection.execute(UNREGISTERED)]
    except sqlite3.Error:
        return []
    found = []
    for model_id, run_id, place in rows:
        folder = local_folder(place)
        if folder is not None and MODEL_ID.fullmatch(model_id):
            own = now_at(database, folder).resolve()
            if own.is_relative_to(root) and own.parts[-3:] == ("models", model_id, "artifacts"):
                found.append(RunModel(model_id, run_id, own.parent))
    return found


def purge_models(store: "Store", run_id: str) -> None:
    """Delete the models of a run for good, with their files. Raises StoreError."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    from overthink.store.database import artifact_root

    database = database_file(store.uri)
    assert database is not None
    of_run = [model for model in models_of_runs(database) if model.run_id == run_id]
    for model in of_run:
        with store.sentences():
            # MLflow's client has no such call; `mlflow gc` makes this one.
            SqlAlchemyStore(engine_uri(store.uri), artifact_root(database))._hard_delete_logged_model(model.model_id)
        shutil.rmtree(model.folder, ignore_errors=True)
