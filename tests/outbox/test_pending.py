"""What `overthink sync` prints about journals that it cannot upload, and what other commands do about them."""

import io
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, redirect_stderr
from pathlib import Path
from typing import Any

import pytest

from overthink.cli.commands.sync import sync
from overthink.outbox.journal import Journal
from overthink.outbox.pending import has_pending, not_for_this_store, upload_pending
from overthink.store.client import Store
from overthink.store.run_lock import locked
from overthink.store.uri import journals_folder, state_folder
from overthink.store.writer import Writer
from support.command import invoke
from support.journals import begin_entry

ABSENT = "http://127.0.0.1:1"
QUICK = {"MLFLOW_TRACKING_URI": ABSENT, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def left(name: str, store: str = ABSENT) -> Path:
    """Leave a journal as an ended process does."""
    journal = Journal.create(journals_folder() / name, begin_entry(name, store))
    journal.release()
    return journal.folder


def synced() -> tuple[int, list[str]]:
    with redirect_stderr(io.StringIO()) as printed:
        code = sync()
    return code, printed.getvalue().splitlines()


def test_nothing_is_queued() -> None:
    assert synced() == (0, ["Nothing is queued: everything is uploaded."])


def test_what_is_queued_for_other_stores_is_named_and_no_store_is_opened(tmp_path: Path) -> None:
    for name, store in {"a": ABSENT, "b": ABSENT, "c": "sqlite:////other.db"}.items():
        left(name, store)
    meant = "to upload, set MLFLOW_TRACKING_URI to it."
    assert synced() == (
        0,
        [
            "Nothing is queued for this store.",
            f"2 runs are queued for another store, {ABSENT}; {meant}",
            f"1 run is queued for another store, sqlite:////other.db; {meant}",
        ],
    )
    assert not (tmp_path / "mlflow.db").exists()


def overwrite(folder: Path) -> None:
    (folder / "journal.db").write_bytes(b"no database" * 1000)


def spoil(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as database:
        database.execute("UPDATE entries SET entry = replace(entry, 'run_key', 'key')")


def write_old(text: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "journal.db").unlink()
        (folder / "entries.jsonl").write_bytes(text + b'{"n": 2}\n{"n": 3}\n')

    return write


OLD = [write_old(line) for line in (b"{\n", b"[]\n", b"\x00\xff\n", b'{"n": 1, "store": "x"}\n', b'{"store": []}\n')]


def garble(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as database:
        database.execute("UPDATE entries SET entry = substr(entry, 9)")


@pytest.mark.parametrize("damage", [overwrite, garble, *OLD])
def test_a_damaged_journal_is_named_once_and_moved_out_of_the_way(damage: Callable[[Path], None]) -> None:
    """Nobody has to remove anything, and the run can be resumed: its folder is where it was."""
    folder = left("a")
    (folder / "run" / "key").mkdir(parents=True)
    damage(folder)
    aside = state_folder() / "damaged" / "a"
    code, sentences = synced()
    assert (code, sentences[0]) == (3, "Nothing is queued for this store.")
    assert sentences[1].startswith("Journal damaged (")
    assert f"moved to {aside}." in sentences[1]
    assert [path.name for path in (state_folder() / "runs").iterdir()] == ["key"]
    assert (aside / "lock").exists()
    assert list(journals_folder().iterdir()) == []
    assert synced() == (0, ["Nothing is queued: everything is uploaded."])


def test_a_journal_of_another_version_is_named_and_kept() -> None:
    folder = left("a")
    spoil(folder)
    for _ in range(2):
        code, sentences = synced()
        assert (code, sentences[0]) == (3, "Nothing is queued for this store.")
        assert sentences[1].startswith(f"{folder}: journal not uploaded: {folder}/journal.db: entry 1 is unreadable")


@pytest.mark.parametrize("content", [{}, {"lock": b""}, {"lock": b"", "journal.db": b""}, {"files/2/weights": b"1"}])
def test_a_half_made_journal_disappears(content: dict[str, bytes]) -> None:
    """A full disk, or a machine that stopped, left a folder without a first entry."""
    folder = journals_folder() / "half"
    folder.mkdir(parents=True)
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    is_new = "journal.db" not in content and not any(name.startswith("files/") for name in content)
    assert synced() == (0, ["Nothing is queued: everything is uploaded."])
    assert folder.exists() == is_new  # its process may be at it
    os.utime(journals_folder(), (1, 1))
    if is_new:
        os.utime(folder, (1, 1))
    assert synced() == (0, ["Nothing is queued: everything is uploaded."])
    assert not folder.exists()


def test_the_same_as_json(tmp_path: Path) -> None:
    left("a", "sqlite:////other.db")
    overwrite(left("b"))
    done = invoke(tmp_path, "sync", "--json", **QUICK)
    assert done.returncode == 3
    assert json.loads(done.stdout) == {
        "uploaded": {},
        "entries": 0,
        "discarded": [],
        "queued": {},
        "queued_for_other_stores": {"sqlite:////other.db": 1},
        "unreadable": [],
        "damaged": [str(tmp_path / ".overthink" / "damaged" / "b")],
    }


def test_one_that_was_cut_off_before_its_first_entry_is_removed() -> None:
    folder = journals_folder() / "old"
    folder.mkdir(parents=True)
    (folder / "entries.jsonl").write_bytes(b'{"n": 1, "do": "be')
    assert synced() == (0, ["Nothing is queued: everything is uploaded."])
    assert not folder.exists()


def test_a_journal_in_use_is_left_to_its_process() -> None:
    in_use = Journal.create(journals_folder() / "b", begin_entry(store=ABSENT))
    assert not has_pending(ABSENT)
    assert not_for_this_store("sqlite:////other.db").other_stores == {}
    in_use.release()
    assert has_pending(ABSENT)
    assert not_for_this_store("sqlite:////other.db").other_stores == {ABSENT: 1}


def test_an_unreachable_store_stops_neither_help_nor_the_check_of_options(tmp_path: Path) -> None:
    left("a")
    helped = invoke(tmp_path, "compare", "--help", **QUICK)
    assert (helped.returncode, helped.stderr) == (0, "")
    wrong = invoke(tmp_path, "compare", "--format", "tabel", **QUICK)
    assert wrong.returncode == 2
    assert f"Queued results could not be uploaded (store {ABSENT}: " in wrong.stderr
    assert "--format tabel: not one of" in wrong.stderr
    assert invoke(tmp_path, "sync", **QUICK).returncode == 1


def test_a_journal_of_a_store_in_whose_place_a_folder_lies(tmp_path: Path) -> None:
    (tmp_path / "theirs" / "mlflow.db").mkdir(parents=True)
    theirs = f"sqlite:///{tmp_path}/theirs/mlflow.db"
    left("a", theirs)
    assert not has_pending(f"sqlite:///{tmp_path}/mlflow.db")
    assert not_for_this_store(f"sqlite:///{tmp_path}/mlflow.db").other_stores == {theirs: 1}


def test_a_run_is_locked_while_its_journal_is_uploaded(store: Store) -> None:
    """Another command sees neither the journal, which this one uses, nor all of the run: it would train it again."""
    run_key = begin_entry("one", store.uri).run_key
    left("one", store.uri)

    class Looking(Writer):
        def create(self, *given: Any, **named: Any) -> str:
            assert locked(run_key) is None
            return super().create(*given, **named)

    done = upload_pending(store, Looking(store))
    assert list(done.runs) == [run_key]
    after = locked(run_key)
    assert after is not None
    after.release()
