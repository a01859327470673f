"""An SQLite store that is read without MLflow, whose import takes seconds."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from overthink.store import sqlite_reader
from overthink.store.artifact_files import check_file
from overthink.store.errors import missing
from overthink.store.raw_run import RawRun
from overthink.store.readable_store import ReadableStore
from overthink.store.unreadable import reading
from overthink.store.uri import database_file, tracking_uri


class LocalStore(ReadableStore):
    """An SQLite store, and the folders of this machine where its runs keep their artifacts."""

    def __init__(self, uri: str, database: Path) -> None:
        self.uri, self._database = uri, database
        self._folders = sqlite_reader.artifact_folders(database)

    def artifact(self, run_id: str, name: str, folder: Path) -> Path:
        """Return the artifact's file where it lies; one that is kept elsewhere is fetched into the folder."""
        if run_id not in self._folders:
            return self._elsewhere.artifact(run_id, name, folder)
        path = self._folders[run_id] / name
        with reading(run_id, name):
            check_file(self._folders[run_id], name)
        if not path.exists():
            raise missing(self.shown, run_id, name)
        return path

    def tagged(self, wanted: Mapping[str, str]) -> list[RawRun]:
        """Return the active runs that have tags of these values, newest first."""
        if not self._database.exists():
            return []  # asking MLflow would make one
        found = sqlite_reader.tagged(self._database, wanted)
        return self._elsewhere.tagged(wanted) if found is None else found

    def experiment_tags(self, prefix: str) -> list[tuple[str, str]]:
        """Return the tags of all experiments whose names begin with a prefix: what follows it, and the value."""
        of_all = sqlite_reader.experiment_tags(self._database).values()
        found = [tag for of_one in of_all for tag in of_one.items()]
        return [(key.removeprefix(prefix), text) for key, text in found if key.startswith(prefix)]

    @cached_property
    def _elsewhere(self) -> ReadableStore:
        from overthink.store.client import Store

        return Store(self.uri)


def store_to_read(uri: str | None = None) -> ReadableStore:
    """Return a store (by default the environment's) to read artifacts from, opened by MLflow only where it has to be.

    Raises StoreError where it cannot be used. An SQLite file that is missing is a store without runs, and not made.
    """
    uri = uri or tracking_uri()
    database = database_file(uri)
    if database is not None and (not database.exists() or sqlite_reader.is_as_expected(database)):
        return LocalStore(uri, database)
    from overthink.store.client import Store

    return Store(uri)
