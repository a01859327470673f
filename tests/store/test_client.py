import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy.exc import IntegrityError

from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.unreadable import UnreadableRunError


def test_experiments_are_made_once_and_described(store: Store) -> None:
    first = store.experiment("quickstart", "what it is")
    assert store.experiment("quickstart", "said better") == first
    assert store.client.get_experiment(first).tags["mlflow.note.content"] == "said better"
    assert store.experiment_names()[first] == "quickstart"


def test_a_description_that_a_person_edited_stays(store: Store) -> None:
    experiment_id = store.experiment("quickstart", "ours")
    store.client.set_experiment_tag(experiment_id, "mlflow.note.content", "a person's")
    store.experiment("quickstart", "ours, said better")
    assert store.client.get_experiment(experiment_id).tags["mlflow.note.content"] == "a person's"


def test_an_experiment_made_meanwhile_is_taken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made, look = store.experiment("quickstart", "ours"), store.client.get_experiment_by_name
    blind = iter([True])
    monkeypatch.setattr(store.client, "get_experiment_by_name", lambda name: None if next(blind, False) else look(name))
    assert store.experiment("quickstart", "ours") == made


def test_only_waiting_of_the_thread_that_opened_the_store_is_counted(store: Store) -> None:
    before = store.seconds
    beside = threading.Thread(target=store.ping)
    beside.start()
    beside.join()
    assert store.seconds == before
    store.ping()
    assert store.seconds > before


def test_a_run_id_is_no_path(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UnreadableRunError, match="is not a run id"):
        store.artifact("../../etc", "passwd", tmp_path)


def test_an_experiment_in_the_trash_is_not_written_to(store: Store) -> None:
    store.client.delete_experiment(store.experiment("quickstart", "x"))
    with pytest.raises(StoreError, match="'quickstart' is deleted in MLflow"):
        store.experiment("quickstart", "x")


@pytest.mark.parametrize("uri", ["mlruns", "file:///tmp/mlruns"])
def test_a_folder_is_no_store(uri: str) -> None:
    with pytest.raises(StoreError, match="no longer keeps runs in folders"):
        Store(uri)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"absent does not exist"):
        Store(f"sqlite:///{tmp_path}/absent/mlflow.db")


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Root may write everywhere, so a test about permissions steps down for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_an_unwritable_store_is_named(as_nobody: None) -> None:
    with TemporaryDirectory() as folder:
        database = Path(folder) / "mlflow.db"
        database.write_bytes(b"")
        database.chmod(0o400)
        with pytest.raises(StoreError, match="not writable"):
            Store(f"sqlite:///{database}")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"not a database, by any means" * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        Store(f"sqlite:///{tmp_path}/mlflow.db")


def test_a_store_of_a_newer_mlflow_is_left_alone(tmp_path: Path, empty_database: Path) -> None:
    database = tmp_path / "mlflow.db"
    database.write_bytes(empty_database.read_bytes())
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'fffffffffff1'")
    connection.close()
    before = database.read_bytes()
    with pytest.raises(StoreError, match="newer MLflow"):
        Store(f"sqlite:///{database}")
    assert database.read_bytes() == before


def test_a_server_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(StoreError, match=r"store http://user:\*\*\*@127.0.0.1:9"):
        Store("http://user:secret@127.0.0.1:9")


def test_two_processes_may_save_the_same_views_at_one_moment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second insert of a tag violates a constraint of the database, whose error MLflow lets through."""
    experiment_id, real = store.experiment("quickstart", "A note."), store.client.set_experiment_tag
    refused: list[str] = []

    def race(experiment_id: str, key: str, value: str) -> None:
        real(experiment_id, key, value)
        if key not in refused:
            refused.append(key)
            raise IntegrityError("INSERT", {}, ValueError("duplicate key value violates unique constraint"))

    monkeypatch.setattr(store.client, "set_experiment_tag", race)
    store.offer_views(experiment_id, {"a": "state of a", "b": "state of b"})
    assert len(refused) == 3
    assert store.view_of(experiment_id) == "a"
