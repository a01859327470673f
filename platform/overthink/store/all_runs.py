"""All runs of a store that is read."""

from overthink.store import sqlite_reader
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun
from overthink.store.uri import database_file


def all_runs(store: ReadableStore) -> list[StoredRun]:
    """Return every run and group of ours, newest first, whatever one of them holds."""
    database = database_file(store.uri)
    if database is not None and not database.exists():
        return []  # asking MLflow would make one
    runs = None if database is None else sqlite_reader.read(database)
    if runs is not None:
        return runs
    from overthink.store.client import Store

    return [run for run in (store if isinstance(store, Store) else Store(store.uri)).search("") if run.kind]
