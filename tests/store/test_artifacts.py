"""Where artifacts lie: beside the database wherever its folder is, and where the server keeps them."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from overthink.store import sqlite_reader
from overthink.store.artifacts import is_the_databases, is_the_servers
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.trash import own_folders
from overthink.store.unreadable import UnreadableRunError
from overthink.store.writer import Writer

SERVER = "http://ann:pw@server:5000"


def project(folder: Path, database: Path) -> str:
    """Make a store with a run that has an artifact; return the run's id."""
    folder.mkdir()
    (folder / "mlflow.db").write_bytes(database.read_bytes())
    store = Store(f"sqlite:///{folder}/mlflow.db")
    writer = Writer(store)
    run = writer.create(store.experiment("tiny", "A note."), "one", {}, {})
    writer.text(run, "sub/note.txt", "ours")
    return run


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def locations(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT artifact_uri FROM runs").fetchall()
        found += connection.execute("SELECT artifact_location FROM experiments WHERE name = 'tiny'").fetchall()
    return {text for (text,) in found}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, which is not where the store is."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_artifacts_are_beside_the_database(tmp_path: Path, empty_database: Path, elsewhere: Path) -> None:
    run = project(tmp_path / "here", empty_database)
    assert f"mlruns/1/{run}/artifacts/sub/note.txt" in files(tmp_path / "here")
    assert files(elsewhere) <= {".overthink/id"}  # whose process it is


def test_a_moved_store_has_its_artifacts_and_writes_nothing_into_its_old_place(
    tmp_path: Path, empty_database: Path, elsewhere: Path
) -> None:
    run = project(tmp_path / "old", empty_database)
    (tmp_path / "old").rename(tmp_path / "new")
    assert sqlite_reader.artifact_folders(tmp_path / "new" / "mlflow.db") == {
        run: tmp_path / "new" / "mlruns" / "1" / run / "artifacts"
    }
    store = Store(f"sqlite:///{tmp_path}/new/mlflow.db")
    assert store.text(run, "sub/note.txt") == "ours"
    writer = Writer(store)
    writer.text(run, "more.txt", "also")
    other = writer.create(store.experiment("tiny", "A note."), "two", {}, {})
    writer.text(other, "more.txt", "also")
    assert not (tmp_path / "old").exists()
    assert f"mlruns/1/{other}/artifacts/more.txt" in files(tmp_path / "new")
    assert all(text.startswith(f"{tmp_path}/new/mlruns/1") for text in locations(tmp_path / "new" / "mlflow.db"))


def test_a_copy_leaves_the_original_alone(tmp_path: Path, empty_database: Path, elsewhere: Path) -> None:
    run = project(tmp_path / "original", empty_database)
    shutil.copytree(tmp_path / "original", tmp_path / "copy")
    before = files(tmp_path / "original")
    store = Store(f"sqlite:///{tmp_path}/copy/mlflow.db")
    writer = Writer(store)
    writer.text(run, "more.txt", "of the copy")
    writer.text(writer.create(store.experiment("tiny", "A note."), "two", {}, {}), "more.txt", "of the copy")
    assert files(tmp_path / "original") == before
    assert all(text.startswith(f"{tmp_path}/original") for text in locations(tmp_path / "original" / "mlflow.db"))


def test_artifacts_that_lie_elsewhere_on_purpose_stay_there(
    tmp_path: Path, empty_database: Path, elsewhere: Path
) -> None:
    run = project(tmp_path / "old", empty_database)
    (tmp_path / "apart").mkdir()
    (tmp_path / "old" / "mlflow.db").rename(tmp_path / "apart" / "mlflow.db")
    assert Store(f"sqlite:///{tmp_path}/apart/mlflow.db").text(run, "sub/note.txt") == "ours"
    assert locations(tmp_path / "apart" / "mlflow.db") == {
        f"{tmp_path}/old/mlruns/1",
        f"{tmp_path}/old/mlruns/1/{run}/artifacts",
    }


@pytest.mark.parametrize("place", [None, b"/mlruns", 5, "http://[x", "file:///mlruns/%00/artifacts", ""])
def test_an_edited_database_is_opened_whatever_its_places_are(
    tmp_path: Path, empty_database: Path, elsewhere: Path, place: object
) -> None:
    run = project(tmp_path / "here", empty_database)
    database = tmp_path / "here" / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE runs SET artifact_uri = ?", (place,))
        connection.execute("UPDATE experiments SET artifact_location = ? WHERE name = 'tiny'", (place,))
        connection.execute(
            "INSERT INTO runs SELECT CAST('blob' AS BLOB), name, source_type, source_name, entry_point_name, user_id, "
            "status, start_time, end_time, source_version, lifecycle_stage, '/mlruns', experiment_id, deleted_time "
            "FROM runs"
        )
    store = Store(f"sqlite:///{database}")
    assert own_folders(database) == {}
    assert [one.run_id for one in sqlite_reader.tagged(database, {}) or []] == [run]
    assert sqlite_reader.read(database) == []
    if not isinstance(place, bytes | int):
        with pytest.raises(UnreadableRunError, match="not where this store keeps artifacts"):
            store.text(run, "sub/note.txt")


def test_through_a_link_nothing_is_changed(tmp_path: Path, empty_database: Path, elsewhere: Path) -> None:
    run = project(tmp_path / "real", empty_database)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    known = locations(tmp_path / "real" / "mlflow.db")
    assert Store(f"sqlite:///{tmp_path}/link/mlflow.db").text(run, "sub/note.txt") == "ours"
    assert locations(tmp_path / "real" / "mlflow.db") == known


def test_a_folder_with_a_percent_sign_keeps_everything_in_it(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "p%20q"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr("overthink.store.uri.DATABASE", f"{tmp_path.name}.db")  # MLflow keeps one engine a URI
    (folder / f"{tmp_path.name}.db").write_bytes(empty_database.read_bytes())
    store = Store()
    run = Writer(store).create(store.experiment("tiny", "A note."), "one", {}, {})
    Writer(store).text(run, "note.txt", "ours")
    assert store.text(run, "note.txt") == "ours"
    assert f"mlruns/1/{run}/artifacts/note.txt" in files(folder)
    assert [entry.name for entry in tmp_path.iterdir() if entry.name != "cache"] == ["p%20q"]
    assert sqlite_reader.artifact_folders(folder / f"{tmp_path.name}.db")[run].is_dir()


@pytest.mark.parametrize(
    "location, default, expected",
    [
        ("mlflow-artifacts:/7", "mlflow-artifacts:/0", True),
        ("mlflow-artifacts://server:5000/7", "mlflow-artifacts:/0", True),
        ("mlflow-artifacts://evil:5000/7", "mlflow-artifacts:/0", False),
        ("s3://bucket/root/7", "s3://bucket/root/0", True),
        ("s3://evil/root/7", "s3://bucket/root/0", False),
        ("s3://evil/root/7", "mlflow-artifacts:/0", False),
        ("s3://bucket/7", None, False),
        ("file:///home/bob/.ssh", "file:///home/bob/.ssh", False),
        ("FILE:///home/bob", None, False),
        ("/home/bob", "/home/bob", False),
        ("mlruns/7", None, False),
        ("", None, False),
        ("http://evil/7", "mlflow-artifacts:/0", False),
        ("runs:/0a/x", "mlflow-artifacts:/0", False),
    ],
)
def test_where_a_server_keeps_artifacts(location: str, default: str | None, expected: bool) -> None:
    assert is_the_servers(location, SERVER, lambda: default) == expected


@pytest.mark.parametrize(
    "location, default, expected",
    [
        ("mlruns/7", "/home/bob/mlruns/0", True),
        ("/home/bob/mlruns/7", None, True),
        ("file:///home/bob/mlruns/7", None, True),
        ("s3://bucket/7", "s3://bucket/0", True),
        ("s3://evil/7", "s3://bucket/0", False),
        ("s3://evil/7", "/home/bob/mlruns/0", False),
        ("http://127.0.0.1:9/x", "/home/bob/mlruns/0", False),
        ("ftp://evil/x", None, False),
        ("http://[x", None, False),
        ("file:///mlruns/%00", None, False),
        ("runs:/0a/x", None, False),
    ],
)
def test_where_a_database_keeps_artifacts(location: str, default: str | None, expected: bool) -> None:
    assert is_the_databases(location, "sqlite:///mlflow.db", lambda: default) == expected


def test_an_experiment_and_a_run_that_lead_elsewhere_are_refused(tmp_path: Path, store: Store) -> None:
    """As ann's experiment of bob's definition on a group's server; here a local store says that it is one."""
    trap = tmp_path / "bob"
    experiment_id = store.client.create_experiment("tiny", artifact_location=trap.as_uri())
    run = store.client.create_run(experiment_id).info.run_id
    store.uri = SERVER
    with pytest.raises(StoreError) as raised:
        store.experiment("tiny", "A note.")
    assert str(raised.value) == (
        f"store http://ann:***@server:5000: experiment 'tiny' has its artifacts in file://{trap}, which is not where "
        "this store keeps artifacts; nothing was read from there or written to it"
    )
    with pytest.raises(StoreError, match=f"run {run[:8]} has its artifacts in"):
        Writer(store).text(run, "note.txt", "bob's")
    with pytest.raises(UnreadableRunError, match=f"run {run[:8]} has its artifacts in"):
        store.artifact(run, "id_rsa", tmp_path / "fetched")
    assert not trap.exists()
