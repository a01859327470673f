"""The storage of trials: OPTUNA_STORAGE, else `optuna.db` beside the runs' database."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy.event
import sqlalchemy.exc
from filelock import FileLock, Timeout
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect

from overthink.store import database_lock
from overthink.store.reachable import UnreachableError, check_reachable
from overthink.store.run_lock import locked
from overthink.store.uri import (
    ENDS_WITH_THE_COMMAND,
    concealed,
    database_file,
    engine_uri,
    is_in_memory,
    tracking_uri,
    without_password,
)

optuna.logging.set_verbosity(optuna.logging.ERROR)  # what goes wrong is raised, too
OUTAGE_SECONDS = 300.0
GONE = "the file was deleted or moved; the next command makes a new one, and takes finished runs from the store"

ERRORS = (StorageInternalError, sqlalchemy.exc.SQLAlchemyError)
"""What a storage's libraries raise."""


class TrialStoreError(OSError):
    """The storage cannot be used; the message names it."""


def storage_uri(given: str | None = None) -> str:
    """Return the given storage, else OPTUNA_STORAGE, else a file beside the runs' database."""
    if uri := given or os.environ.get("OPTUNA_STORAGE"):
        if is_in_memory(uri):
            raise ValueError(f"storage {uri}: {ENDS_WITH_THE_COMMAND}")
        return uri
    runs = database_file(tracking_uri())
    return f"sqlite:///{(runs.parent if runs else Path()) / 'optuna.db'}"


@contextmanager
def opened(uri: str) -> Iterator[RDBStorage]:
    """Open a storage; errors of its libraries are raised as TrialStoreError, in one sentence."""
    if "://" not in uri:
        raise TrialStoreError(
            f"storage {uri}: expected sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
        )
    storage, file, number = None, database_file(uri), None
    try:
        storage = _storage(uri, file)
        number = database_lock.file_number(file) if file is not None else None
        yield storage
    except (UnreachableError, *ERRORS) as error:
        gone = file is not None and number is not None and database_lock.file_number(file) != number
        raise _failed(uri, error, GONE if gone else "") from error
    finally:
        if storage is not None:
            storage.engine.dispose()


def _storage(uri: str, file: Path | None) -> RDBStorage:
    try:
        if file is None:
            check_reachable(uri)
        lock = database_lock.locked(file) if file is not None else database_lock.locked_server(uri)
        with lock:  # while Optuna makes its tables
            return RDBStorage(engine_uri(uri), engine_kwargs={"pool_pre_ping": True})  # a server may have restarted
    except (ImportError, RuntimeError) as error:  # no driver for this database; tables of another version of Optuna
        raise _failed(uri, error) from error


def _failed(uri: str, error: Exception, message: str = "") -> TrialStoreError:
    cause = error.__cause__ or error
    said = message or str(getattr(cause, "orig", None) or cause).strip() or type(cause).__name__
    return TrialStoreError(f"storage {without_password(uri)}: {concealed(said.splitlines()[0], uri)}")


def wait_for_server(storage: RDBStorage, on_message: Callable[[str], None]) -> None:
    """Let the calls of an open storage wait for a database server that does not answer, OUTAGE_SECONDS at most.

    What is being trained continues meanwhile.
    """

    def connected(dialect: Dialect, _: object, arguments: Sequence[Any], options: Mapping[str, Any]) -> DBAPIConnection:
        end = 0.0
        while True:
            try:
                return dialect.connect(*arguments, **options)
            except dialect.loaded_dbapi.Error:
                if not end:
                    on_message(f"The storage of trials does not answer; waiting up to {OUTAGE_SECONDS:.0f} s for it.")
                    end = time.monotonic() + OUTAGE_SECONDS
                if time.monotonic() >= end:
                    raise
                time.sleep(1)

    if database_file(storage.url) is None:
        sqlalchemy.event.listen(storage.engine, "do_connect", connected)


@contextmanager
def alone(uri: str, study_name: str) -> Iterator[bool]:
    """Lock a sweep if its storage is a file, and yield True; on a database server processes share it: yield False.

    Raises TrialStoreError if another process has the lock.
    """
    file = database_file(uri)
    if file is None:
        yield False
        return
    lock = _lock(file, f"sweep-{study_name.replace(' ', '-')}")
    if lock is None:
        raise TrialStoreError(
            f"storage {uri}: another process is running this sweep; to share it, use PostgreSQL (--storage)"
        )
    try:
        yield True
    finally:
        lock.release()


def _lock(file: Path, name: str) -> FileLock | None:
    """Return a lock beside a storage, where processes of all working directories find it; None where one has it."""
    place = file.resolve()
    lock = FileLock(place.with_name(f".{place.name}.{name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return None
    except (NotImplementedError, OSError):  # a file system without locks
        return locked(name)
    return lock
