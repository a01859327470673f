"""The SQLite file of a store, made and upgraded beside its place."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy
from filelock import FileLock
from mlflow.store.db import utils

from overthink.store import database as module
from overthink.store.client import Store
from overthink.store.database import prepare
from overthink.store.errors import StoreError
from support.postgres import Postgres

OPEN = "import sys; from overthink.store.client import Store; Store(f'sqlite:///{sys.argv[1]}'); print('opened')"

AT_ONCE = """
import sys
from overthink.store.client import Store
print("ready", flush=True)
sys.stdin.readline()
Store(sys.argv[1])
print("opened")
"""


def opening(database: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", OPEN, str(database)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def revert(database: Path, version: str | None, *tables: str) -> None:
    """Let a database be one whose last migrations were not done."""
    with closing(sqlite3.connect(database)) as connection, connection:
        if version is None:
            connection.execute("DROP TABLE alembic_version")
        else:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        for table in tables:
            connection.execute(f"DROP TABLE {table}")


def before_head(number: int = 1) -> str:
    """Return an earlier version of MLflow's tables."""
    script = module._migrations()
    found = script.get_revision(script.get_current_head() or "")
    for _ in range(number):
        found = script.get_revision(str(found.down_revision))
    return str(found.revision)


def content(database: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall()


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> Path:
    """A complete database that has not been touched for an hour."""
    file = tmp_path / "mlflow.db"
    file.write_bytes(empty_database.read_bytes())
    return file


def rest(database: Path) -> None:
    os.utime(database, (time.time() - 3600,) * 2)


@pytest.mark.process
def test_a_kill_while_it_is_made_leaves_nothing_in_its_place_and_two_at_once_wait_for_one(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    first = opening(database)
    deadline = time.monotonic() + 120
    while not any(file.stat().st_size > 50_000 for file in tmp_path.glob(".mlflow.db.*.unfinished")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert not database.exists()
    both = [opening(database), opening(database)]
    said = [process.communicate(timeout=200) for process in both]
    assert [out for out, _ in said] == ["opened\n"] * 2
    assert all(err in ("", f"making {database} ...\n") for _, err in said)  # said where it takes seconds
    assert [process.returncode for process in both] == [0, 0]
    assert {file.name for file in tmp_path.iterdir()} == {"mlflow.db", ".mlflow.db.lock"}


@pytest.mark.server
def test_processes_that_open_an_empty_postgresql_at_once_share_it(postgres: Postgres) -> None:
    command = [sys.executable, "-c", AT_ONCE, postgres.database("runs")]
    begun = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    for process in begun:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in begun:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate()[0] for process in begun] == ["opened\n"] * 2


def test_a_complete_one_is_left_as_it_is(database: Path) -> None:
    before = database.read_bytes()
    prepare(database)
    assert database.read_bytes() == before
    assert [file.name for file in database.parent.iterdir()] == ["mlflow.db"]


@pytest.mark.parametrize("version", ["parent", None])
def test_a_half_made_one_is_recognised_and_stays_as_it_is(database: Path, version: str | None) -> None:
    revert(database, before_head() if version else None)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE _alembic_tmp_latest_metrics (key TEXT)")
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'") if version else None
    rest(database)
    before = database.read_bytes()
    with pytest.raises(StoreError) as raised:
        Store(f"sqlite:///{database}")
    message = str(raised.value)
    assert "its tables are incomplete" in message
    assert "there is no run in it" in message
    assert "rename the file" in message
    assert "update mlflow" not in message
    assert database.read_bytes() == before
    assert not list(database.parent.glob("*unfinished*"))


def test_an_older_one_is_upgraded_and_kept(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = content(database)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE mine (a)")
    revert(database, before_head())
    rest(database)

    def upgrade(engine: sqlalchemy.Engine) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'dc11669786a5'")
            connection.exec_driver_sql("DROP TABLE mine")

    monkeypatch.setattr(utils, "_initialize_tables", upgrade)
    with closing(sqlite3.connect(database)) as beside:  # another program has it open
        assert ("mine",) in beside.execute("SELECT name FROM sqlite_master").fetchall()
        prepare(database)
        assert ("mine",) not in beside.execute("SELECT name FROM sqlite_master").fetchall()
    assert content(database) == newest
    assert ("mine",) in content(database.with_name("mlflow.db.before-upgrade"))


def test_one_that_another_program_is_making_is_waited_for(
    tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revert(database, before_head())
    waits = iter([before_head(), module._migrations().get_current_head()])

    def meanwhile(_: float) -> None:
        revert(database, next(waits))

    monkeypatch.setattr(time, "sleep", meanwhile)
    prepare(database)
    assert not list(tmp_path.glob("*.before-upgrade"))


def test_what_another_program_wrote_during_an_upgrade_is_not_lost(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revert(database, before_head())
    rest(database)

    def meanwhile(engine: object) -> None:
        with closing(sqlite3.connect(database)) as other, other:
            other.execute(
                "INSERT INTO experiments (name, lifecycle_stage, workspace) VALUES ('n', 'active', 'default')"
            )

    monkeypatch.setattr(utils, "_initialize_tables", meanwhile)
    monkeypatch.setattr(utils, "_verify_schema", lambda engine: None)
    with pytest.raises(StoreError, match="another program wrote to it"):
        Store(f"sqlite:///{database}")
    with closing(sqlite3.connect(database)) as connection:
        assert ("n",) in connection.execute("SELECT name FROM experiments").fetchall()


def test_an_empty_file_becomes_a_store(tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, empty = database.read_bytes(), tmp_path / "empty.db"
    empty.touch()
    monkeypatch.setattr(module, "_migrate", lambda file: file.write_bytes(whole))
    prepare(empty)
    assert empty.read_bytes()[:16] == b"SQLite format 3\0"


def test_a_file_system_without_locks_and_links(tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise NotImplementedError

    def no_links(*_: object) -> None:
        raise PermissionError

    whole = database.read_bytes()
    monkeypatch.setattr(FileLock, "acquire", unsupported)
    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(module, "_migrate", lambda file: file.write_bytes(whole))
    prepare(tmp_path / "new.db")
    assert content(tmp_path / "new.db") == content(database)


def test_a_file_whose_date_is_in_the_future_is_not_waited_for(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copied from a machine with a clock that is ahead."""
    revert(database, before_head())
    os.utime(database, (time.time() + 86400,) * 2)
    clock, waits = [0], iter(range(0, 60, 3))
    monkeypatch.setattr(time, "sleep", lambda _: clock.append(next(waits)))
    monkeypatch.setattr(time, "monotonic", lambda: clock[-1])
    assert module._still_incomplete(database)
    assert clock[-1] < 60
