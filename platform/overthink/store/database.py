"""The file of an SQLite store: made and upgraded beside its place, so that a kill leaves it whole or not there.

MLflow makes its tables by all the migrations of its history, over seconds, in the file itself, one commit each.
"""

import os
import re
import sqlite3
import time
import warnings
from contextlib import closing
from functools import cache
from glob import escape
from pathlib import Path

import sqlalchemy.exc
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from mlflow.exceptions import MlflowException
from mlflow.store.db import utils
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from overthink.atomic_file import sync
from overthink.sentences import number_of
from overthink.store.database_lock import locked
from overthink.store.reachable import said_if_slow
from overthink.store.sqlite_reader import opened
from overthink.store.uri import engine_uri, location_of

MIGRATIONS = Path(utils.__file__).parents[1] / "db_migrations"
SECONDS_UNTOUCHED = 10.0
"""A file without all tables that has not changed for so long is not being made by another program."""
FAILED = (sqlalchemy.exc.SQLAlchemyError, sqlite3.Error, MlflowException, CommandError)


class DatabaseError(RuntimeError):
    """The file cannot be used as a store; the message says what to do."""


def artifact_root(database: Path) -> str:
    """Return the folder of artifacts, `mlruns` beside a database, as MLflow writes it."""
    return location_of(database.absolute().parent / "mlruns")


def prepare(database: Path) -> None:
    """Make a database, or upgrade that of an earlier MLflow, unless it has the tables of this MLflow already.

    Processes that open the same store at once wait for one of them. Raises DatabaseError.
    """
    if _is_left_to_mlflow(database):
        return
    with locked(database) as alone:
        if _empty(database):
            _make(database, alone)
        elif _still_incomplete(database):
            _upgrade(database, alone)


def newer(version: str) -> bool:
    """Tell whether a version of the tables is none that this MLflow knows."""
    try:
        _migrations().get_revision(version)
    except CommandError:
        return True
    return False


def _make(database: Path, alone: bool) -> None:
    unfinished = _beside(database, alone)
    try:
        with said_if_slow(f"making {database}"):
            _migrate(unfinished)
        uri = engine_uri(f"sqlite:///{unfinished}")
        SqlAlchemyStore(uri, artifact_root(database)).engine.dispose()  # it makes the experiment "Default"
        _publish(unfinished, database)
    except FAILED as error:
        raise DatabaseError(f"its tables could not be made ({_first_line(error)})") from error
    finally:
        _remove(unfinished)


def _publish(unfinished: Path, database: Path) -> None:
    """Give a finished database its name; one that another program has made meanwhile stays."""
    sync(unfinished)
    if database.exists() and database.stat().st_size == 0:
        os.replace(unfinished, database)
        return
    try:
        os.link(unfinished, database)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not database.exists():
            os.rename(unfinished, database)
    sync(database.parent)


def _upgrade(database: Path, alone: bool) -> None:
    """Upgrade a copy, and write it back in one transaction: whoever has the file open goes on with the new tables."""
    unfinished = _beside(database, alone)
    try:
        with closing(sqlite3.connect(database)) as old:
            known = _changes(old)
            _copy(old, unfinished)
            _migrate_copy(unfinished, database)
            _copy(old, database.with_name(f"{database.name}.before-upgrade"))
            if _changes(old) != known:
                raise DatabaseError("another program wrote to it while its tables were upgraded; try again")
            with closing(sqlite3.connect(unfinished)) as new:
                new.backup(old)
    except sqlite3.Error as error:
        raise DatabaseError(f"its tables could not be upgraded ({_first_line(error)})") from error
    finally:
        _remove(unfinished)


def _migrate_copy(copy: Path, database: Path) -> None:
    try:
        _migrate(copy)
    except FAILED as error:
        if re.search("disk|locked|unable to open|readonly", str(error)):
            raise DatabaseError(f"its tables could not be upgraded ({_first_line(error)})") from error
        raise DatabaseError(_broken(database, error)) from error


def _migrate(file: Path) -> None:
    """Let MLflow make or upgrade the tables of a file, and check it."""
    engine = utils.create_sqlalchemy_engine(engine_uri(f"sqlite:///{file}"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of alembic, about MLflow's old migrations
            utils._initialize_tables(engine)
            utils._verify_schema(engine)
    finally:
        engine.dispose()
    with closing(sqlite3.connect(file)) as connection:
        if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise DatabaseError("its new tables are damaged")


def _broken(database: Path, error: Exception) -> str:
    runs = _rows(database, "runs")
    content = f"{number_of(runs, 'run')} in it" if runs else "there is no run in it"
    return (
        "its tables are incomplete, as an interrupted first command of an earlier version left them "
        f"({_first_line(error)}; {content}); rename the file{' and keep it' if runs else ''}: the next command makes "
        "a new one"
    )


def _still_incomplete(database: Path) -> bool:
    """Wait while another program is making the tables; tell whether they are incomplete then."""
    changed, since = None, time.monotonic()  # by the file's date alone, one of the future would be waited for
    while not _is_left_to_mlflow(database):
        found = database.stat()
        if (found.st_mtime_ns, found.st_size) != changed:
            changed, since = (found.st_mtime_ns, found.st_size), time.monotonic()
        if max(time.time() - found.st_mtime, time.monotonic() - since) > SECONDS_UNTOUCHED:
            return True
        time.sleep(0.3)
    return False


def _is_left_to_mlflow(database: Path) -> bool:
    """Tell whether a database has the newest tables, or MLflow will say what is wrong with it."""
    if _empty(database):
        return False
    try:
        version = _version(database)
    except sqlite3.OperationalError:  # locked, for one
        return True
    except sqlite3.DatabaseError as error:
        raise DatabaseError(str(error)) from error
    return version == _migrations().get_current_head() or (version != "" and newer(version))


def _empty(database: Path) -> bool:
    return not database.exists() or database.stat().st_size == 0


def _version(database: Path) -> str:
    # Not read-only: of a process that was killed, SQLite may have to take something back.
    with closing(sqlite3.connect(database)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return ""
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found[0]) if found else ""


def _rows(database: Path, table: str) -> int:
    try:
        with closing(opened(database)) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    except sqlite3.Error:
        return 0


def _changes(connection: sqlite3.Connection) -> int:
    """Return a number that changes whenever another connection writes."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def _copy(source: sqlite3.Connection, target: Path) -> None:
    _remove(target)
    with closing(sqlite3.connect(target)) as connection:
        source.backup(connection)
    sync(target)


def _beside(database: Path, alone: bool) -> Path:
    """Return a name for an unfinished database; what killed processes left is removed."""
    for left in database.parent.glob(f".{escape(database.name)}.*.unfinished*") if alone else ():
        left.unlink(missing_ok=True)
    return database.with_name(f".{database.name}.{os.getpid()}.unfinished")


def _remove(file: Path) -> None:
    for ending in ("", "-journal", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)


@cache
def _migrations() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))


def _first_line(error: Exception) -> str:
    return (str(getattr(error, "orig", None) or error).strip() or type(error).__name__).splitlines()[0][:200]
