"""What `overthink sync` says of journals that it cannot deliver, and what other commands make of them."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from overthink.cli.commands.sync import sync
from overthink.outbox.journal import Journal
from overthink.outbox.leftovers import not_for_this_store
from overthink.store.uri import journals_folder
from support.command import overthink

ABSENT = "http://127.0.0.1:1"
QUICK = {"MLFLOW_TRACKING_URI": ABSENT, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def left(name: str, store: str = ABSENT) -> Path:
    """Leave a journal as an ended process does."""
    journal = Journal.create(journals_folder() / name)
    journal.append("begin", store=store, run_key=name, name=f"small {name}", handle=name)
    journal.release()
    return journal.folder


def said() -> tuple[int, list[str]]:
    console = Console(file=io.StringIO(), width=80)
    code = sync(console)
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue().splitlines()


def test_nothing_waits() -> None:
    assert said() == (0, ["Nothing waits here: the store has heard everything."])


def test_what_waits_for_other_stores_is_named_and_no_store_is_opened(tmp_path: Path) -> None:
    for name, store in {"a": ABSENT, "b": ABSENT, "c": "sqlite:////other.db"}.items():
        left(name, store)
    meant = "MLFLOW_TRACKING_URI says which one is meant."
    assert said() == (
        0,
        [
            "Nothing waits here for this store.",
            f"2 journals wait for the store {ABSENT}; {meant}",
            f"1 journal waits for the store sqlite:////other.db; {meant}",
        ],
    )
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize("line", [b"{\n", b"[]\n", b"\x00\xff\n", b'{"n": 1, "store": "x"}\n', b'{"store": []}\n'])
def test_a_damaged_beginning_is_named(line: bytes) -> None:
    folder = left("a")
    path = folder / "entries.jsonl"
    path.write_bytes(line + path.read_bytes())
    code, sentences = said()
    assert (code, sentences[0]) == (3, "Nothing waits here for this store.")
    assert sentences[1].startswith(f"{folder}: damaged in its first line")


def test_half_a_first_line_tells_nothing_and_a_journal_at_work_is_left_to_it() -> None:
    path = left("a") / "entries.jsonl"
    path.write_bytes(path.read_bytes()[:20])
    at_work = Journal.create(journals_folder() / "b")
    (at_work.folder / "entries.jsonl").write_bytes(b"{\n")
    assert not_for_this_store(ABSENT).damaged == []
    at_work.release()
    assert not_for_this_store(ABSENT).damaged == [at_work.folder]


def test_a_store_that_is_away_keeps_nobody_from_help_nor_from_what_is_wrong_with_an_option(tmp_path: Path) -> None:
    left("a")
    helped = overthink(tmp_path, "compare", "--help", **QUICK)
    assert (helped.returncode, helped.stderr) == (0, "")
    wrong = overthink(tmp_path, "compare", "--buy", "regime", **QUICK)
    assert wrong.returncode == 2
    assert f"What waits here is not delivered now (store {ABSENT}: " in wrong.stderr
    assert "No such option" in wrong.stderr
    assert overthink(tmp_path, "sync", **QUICK).returncode == 1
