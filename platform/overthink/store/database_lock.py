"""Holding back who else would make a database's tables at the same moment, in a file or on a server."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import sqlalchemy

from overthink.file_lock import file_lock
from overthink.store.uri import engine_uri

MAKING_TABLES = 7_301_244_981
"""Number of a lock in PostgreSQL, arbitrary and our own."""


def locked(database: Path) -> AbstractContextManager[bool]:
    """Hold the lock of a database in a block; it gets False, and nothing is held, where the file system has none."""
    return file_lock(database.with_name(f".{database.name}.lock"))


@contextmanager
def locked_server(uri: str) -> Iterator[None]:
    """Hold back who else would make the tables of a PostgreSQL database; the lock ends with its connection.

    MLflow and Optuna look which tables are missing and then make them: of two that begin at once, one would fail.
    """
    engine = sqlalchemy.create_engine(engine_uri(uri), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sqlalchemy.text(f"SELECT pg_advisory_lock({MAKING_TABLES})"))
        yield


def file_number(database: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one that takes its name later; None where there is none."""
    try:
        found = database.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
