"""The MLflow store: opening it, following its file, and saying in one sentence what is wrong with it."""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import requests
import sqlalchemy.exc
from alembic.util.exc import CommandError
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from overthink.store.artifacts import update_moved
from overthink.store.database import DatabaseError, prepare
from overthink.store.database_lock import file_number, locked_server
from overthink.store.errors import StoreError
from overthink.store.problems import problem_of_uri, reason
from overthink.store.reachable import UnreachableError, check_reachable, said_if_slow
from overthink.store.readable_store import ReadableStore
from overthink.store.uri import (
    concealed,
    database_file,
    engine_uri,
    is_server,
    tracking_uri,
)

for name in ("alembic", "mlflow", "sqlalchemy", "urllib3"):  # what goes wrong is raised, too, and a StoreError then
    logging.getLogger(name).setLevel(logging.CRITICAL)


GONE = "the file was deleted or moved; the next command makes a new one, unless it is put back before"
ERRORS = (MlflowException, CommandError, sqlalchemy.exc.SQLAlchemyError, requests.RequestException)
"""What a store's libraries raise; MLflow passes on the errors of requests, which transfers artifacts."""


class Connection(ReadableStore):
    """A tracking store by its URI: MLFLOW_TRACKING_URI, else `mlflow.db` in the working directory."""

    def __init__(self, uri: str | None = None) -> None:
        self.uri = uri or tracking_uri()
        self.seconds = 0.0
        """How long the thread that opened the store has waited for it; what other threads wait for delays nothing."""
        self._thread = threading.get_ident()
        self._database = database_file(self.uri)
        self._opened: tuple[int, int] | None = None
        """Which file an SQLite store is: device and number."""
        self.replaced = 0
        """How often another file took the place of an SQLite store's; ids of the one before are none of it."""
        self._repositories: dict[str, ArtifactRepository] = {}
        if problem := problem_of_uri(self.uri):
            raise StoreError(f"store {self.shown}: {problem}")
        with self.sentences():
            if self._database is not None:
                prepare(self._database)
            self._connect()
            if self._database is not None:
                update_moved(self._database)
                self._opened = file_number(self._database)

    def _connect(self) -> None:
        if self._database is not None:
            self._close_connections()
            self._begin()
            return
        with said_if_slow(f"connecting to {self.shown}"):
            if is_server(self.uri):
                self._begin()
                return
            check_reachable(self.uri)
            with locked_server(self.uri):
                self._begin()

    def _begin(self) -> None:
        self.client = MlflowClient(engine_uri(self.uri))
        self.ping()

    def ping(self) -> None:
        """Send a small request; raises StoreError where the store is unreachable."""
        with self.sentences():
            self.client.search_experiments(max_results=1)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time that a block takes as waiting for the store."""
        started = time.perf_counter()
        try:
            yield
        finally:
            if threading.get_ident() == self._thread:
                self.seconds += time.perf_counter() - started

    @contextmanager
    def sentences(self) -> Iterator[None]:
        """Turn whatever a store's libraries raise into a StoreError of one sentence."""
        try:
            with self.waiting():
                self.follow_file()
                yield
        except ERRORS as error:
            text = GONE if self.is_gone else concealed(reason(error), self.uri)
            raise StoreError(f"store {self.shown}: {text}") from error
        except (DatabaseError, UnreachableError, sqlite3.Error) as error:
            raise StoreError(f"store {self.shown}: {error}") from error

    @property
    def is_gone(self) -> bool:
        """Whether the file of an SQLite store was deleted or moved since it was opened."""
        with suppress(OSError):  # it cannot be seen
            return self._database is not None and self._opened is not None and file_number(self._database) is None
        return False

    def follow_file(self) -> None:
        """Use the file that lies at the store's place now: SQLite would go on reading the one that was there before."""
        if self._database is None or self._opened is None:
            return
        try:
            now = file_number(self._database)
        except OSError as error:  # its folder may not be read any more
            raise StoreError(f"store {self.shown}: {error.strerror or error}") from error
        if now is None:
            raise StoreError(f"store {self.shown}: {GONE}")
        if now != self._opened:
            self._opened, self.replaced = now, self.replaced + 1
            self._close_connections()
            self._repositories.clear()

    def _close_connections(self) -> None:
        """Close connections that this process keeps to a file of this name, whichever it was."""
        SqlAlchemyStore._get_or_create_engine(engine_uri(self.uri)).dispose()  # a store reads its tables for 20 ms
