"""Addresses of stores: paths with every character, and passwords that are not shown."""

import os
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from overthink.store.uri import (
    concealed,
    database_file,
    engine_uri,
    identity,
    is_store,
    local_folder,
    location_of,
    tracking_uri,
    without_password,
)

NAMES = ("p%20q", "100%", "a#b", "a?b", "a b", "ü", "a\\b", "x" * 200, "%2e%2e")


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_survives_being_a_location(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "mlruns" / "1"
    location = location_of(folder)
    assert local_folder(location) == folder
    assert local_folder(f"{location}/0a/artifacts") == folder / "0a" / "artifacts"


def test_only_what_mlflow_would_decode_is_encoded() -> None:
    assert location_of(Path("/home/a b/ü")) == "/home/a b/ü"
    assert location_of(Path("/p%20q")) == "file:///p%2520q"
    assert local_folder("s3://bucket/1") is None
    assert local_folder("mlflow-artifacts:/1") is None


@pytest.mark.parametrize("location", ["http://[x", "file://[x/mlruns", "file:///mlruns/%00/artifacts", "/mlruns/\0"])
def test_what_no_path_can_be_is_no_folder(location: str) -> None:
    assert local_folder(location) is None


@pytest.mark.parametrize("name", NAMES)
def test_the_store_of_the_working_directory_has_a_uri(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert database_file(tracking_uri()) == folder / "mlflow.db"
    path = engine_uri(tracking_uri()).removeprefix("sqlite:///")
    assert unquote(path) == path
    assert "?" not in path
    assert Path(os.path.abspath(path)) == folder / "mlflow.db"


def test_what_has_no_uri_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p%20q").mkdir()
    with pytest.raises(ValueError, match=r"p%20q/mlflow.db has a % or \?; run the command in the folder of mlflow.db"):
        engine_uri(f"sqlite:///{tmp_path}/p%20q/mlflow.db")


def test_a_path_is_decoded_only_where_it_leads_nowhere_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "p q").mkdir()
    assert database_file(f"sqlite:///{tmp_path}/p%20q/mlflow.db") == tmp_path / "p q" / "mlflow.db"
    (tmp_path / "p%20q").mkdir()
    assert database_file(f"sqlite:///{tmp_path}/p%20q/mlflow.db?timeout=9") == tmp_path / "p%20q" / "mlflow.db"


@pytest.mark.parametrize(
    "text, shown",
    [
        ("http://ann:secret@host:5000", "http://ann:***@host:5000"),
        ("postgresql+psycopg://ann:p@ss/w#rd@host/db", "postgresql+psycopg://ann:***@host/db"),
        ("request to https://ann:secret@host/api failed, twice", "request to https://ann:***@host/api failed, twice"),
        ("postgresql://host/db?user=ann&password=secret&x=1", "postgresql://host/db?user=ann&password=***&x=1"),
        ("no answer from https://hf_0123abc@host:5000/", "no answer from https://***@host:5000/"),
        ("postgresql://ann@host/db", "postgresql://ann@host/db"),
        ("http://host:5000/#/runs?of=a@b", "http://host:5000/#/runs?of=a@b"),
        ("sqlite:////home/ann/mlflow.db", "sqlite:////home/ann/mlflow.db"),
    ],
)
def test_no_password_is_shown(text: str, shown: str) -> None:
    assert without_password(text) == shown


def test_an_address_that_is_not_utf_8_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", os.fsdecode(b"http://ann:caf\xe9@host:5000"))
    with pytest.raises(ValueError, match="not UTF-8 in this locale") as raised:
        tracking_uri()
    assert "caf" not in str(raised.value)


def test_pieces_of_a_password_are_concealed() -> None:
    uri = "postgresql://ann:p%40ss@secret@host/db"
    assert concealed("cannot resolve secret@host (p@ss)", uri) == "cannot resolve ***@host (***)"
    assert concealed("no account 0123abc", "https://0123abc@host") == "no account ***"


def test_what_waits_for_a_store_finds_it_in_a_moved_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("here", "other"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    here, gone, other = (f"sqlite:///{tmp_path}/{name}/mlflow.db" for name in ("here", "gone", "other"))
    (tmp_path / "other" / "mlflow.db").touch()
    assert is_store(identity(here), here)
    assert is_store(gone, here)
    assert not is_store(other, here)  # it is still there
    assert not is_store(gone.replace("mlflow.db", "mine.db"), here)
    assert not is_store(gone, other)  # not the store beside this state
    assert not is_store("http://server", here)


def test_a_database_is_a_file_in_a_folder(tmp_path: Path) -> None:
    """SQLite and MLflow try a folder for minutes, and wait for a pipe for ever."""
    (tmp_path / "folder.db").mkdir()
    os.mkfifo(tmp_path / "pipe.db")
    (tmp_path / "loop.db").symlink_to("loop.db")
    for name, said in (
        ("folder.db", "is a folder"),
        ("pipe.db", "is a device or a pipe"),
        ("loop.db", "is a link that leads to itself"),
    ):
        with pytest.raises(ValueError, match=rf"^{tmp_path}/{name}: {said}; expected the file of a database$"):
            database_file(f"sqlite:///{tmp_path}/{name}")
    assert database_file(f"sqlite:///{tmp_path}/new.db") == tmp_path / "new.db"


@pytest.mark.parametrize("uri", ["http://", "https://:5000", "http://[::1", "http://host:port", "http://host:99999"])
def test_a_server_has_a_host(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(ValueError, match=rf"^MLFLOW_TRACKING_URI {re.escape(uri)}: expected an address such as"):
        tracking_uri()
