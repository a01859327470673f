"""Files of an SQLite store's runs that may be deleted, and runs in MLflow's trash, deleted for good.

A database is not trusted: a run's files are only those in the folder of its own id below `mlruns` beside the database.
"""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from overthink.store import tags
from overthink.store.model_trash import purge_models
from overthink.store.sqlite_reader import artifact_folders, opened
from overthink.store.uri import database_file, engine_uri

if TYPE_CHECKING:
    from overthink.store.client import Store

RUN_ID = re.compile(r"[0-9a-f]{32}")
TRASHED = f"""
    SELECT run_uuid FROM runs WHERE lifecycle_stage = 'deleted' AND status IN ('FINISHED', 'FAILED', 'KILLED')
    AND run_uuid IN (SELECT run_uuid FROM tags WHERE key = '{tags.KIND}')
"""


def own_folders(database: Path) -> dict[str, Path]:
    """Return the folder of each run's artifacts, of those runs that keep them below `mlruns` beside the database."""
    root = (database.absolute().parent / "mlruns").resolve()
    found = {run_id: folder.resolve() for run_id, folder in artifact_folders(database).items()}
    return {run_id: folder for run_id, folder in found.items() if _is_own(run_id, folder, root)}


def files_in(folder: Path, *patterns: str) -> Iterator[Path]:
    """Yield the files of a run by patterns such as `checkpoint/*`; no link, nor what one leads to."""
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and path.resolve() == path:
                yield path


def trashed(database: Path) -> list[str]:
    """Return the ids of our runs in MLflow's trash that are not running; nothing can be wrong."""
    try:
        with closing(opened(database)) as connection:
            found = [str(run_id) for (run_id,) in connection.execute(TRASHED)]
    except sqlite3.Error:
        return []
    return [run_id for run_id in found if RUN_ID.fullmatch(run_id)]


def purge(store: "Store", run_id: str) -> None:
    """Delete a run in the trash for good, with its models and files. Raises StoreError."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    from overthink.store.database import artifact_root

    database = database_file(store.uri)
    assert database is not None
    folder = own_folders(database).get(run_id)
    purge_models(store, run_id)
    with store.sentences():
        # MLflow's client has no such call; `mlflow gc` makes this one.
        SqlAlchemyStore(engine_uri(store.uri), artifact_root(database))._hard_delete_run(run_id)
    if folder is not None:
        shutil.rmtree(folder.parent, ignore_errors=True)


def _is_own(run_id: str, folder: Path, root: Path) -> bool:
    known = RUN_ID.fullmatch(run_id) is not None and (folder.name, folder.parent.name) == ("artifacts", run_id)
    return known and folder.is_relative_to(root)
