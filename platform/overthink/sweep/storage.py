"""Where a sweep's trials are kept: OPTUNA_STORAGE, else `optuna.db` beside the runs' database."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import sqlalchemy.exc
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage

from overthink.launching.plan import locked
from overthink.store.uri import database_file, tracking_uri, without_password

optuna.logging.set_verbosity(optuna.logging.WARNING)


class TrialStoreError(OSError):
    """The storage cannot be used; the sentence names it."""


def storage_uri(given: str | None = None) -> str:
    """Return the storage that is given, else OPTUNA_STORAGE, else a file beside the runs' database."""
    if uri := given or os.environ.get("OPTUNA_STORAGE"):
        return uri
    database = database_file(tracking_uri())
    return f"sqlite:///{(database.parent if database else Path()) / 'optuna.db'}"


@contextmanager
def opened(uri: str) -> Iterator[RDBStorage]:
    """Give a storage, and turn whatever its libraries raise into a TrialStoreError of one sentence."""
    if "://" not in uri:
        raise TrialStoreError(
            f"storage {uri}: expected sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
        )
    storage = None
    try:
        storage = RDBStorage(uri)
        yield storage
    except (StorageInternalError, sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        cause = error.__cause__ or error
        said = str(getattr(cause, "orig", None) or cause).strip().splitlines()[0]
        raise TrialStoreError(f"storage {without_password(uri)}: {said}") from error
    finally:
        if storage is not None:
            storage.engine.dispose()


@contextmanager
def alone(uri: str, study_name: str) -> Iterator[bool]:
    """Tell whether this process has a sweep to itself, as it must on a file: others are turned away until it ends.

    On a database server several machines share a sweep. Raises TrialStoreError where another process is at it.
    """
    file = database_file(uri)
    if file is None:
        yield False
        return
    lock = locked(f"sweep-{study_name.replace(' ', '-')}")
    if lock is None:
        raise TrialStoreError(
            f"storage {uri}: another process is at this sweep; several share one on PostgreSQL (--storage)"
        )
    try:
        yield True
    finally:
        lock.release()
