"""What `overthink sync` says of journals that it cannot deliver, and what other commands make of them."""

from pathlib import Path

import pytest

from overthink.outbox.journal import Journal
from overthink.outbox.leftovers import not_for_this_store
from overthink.store.uri import journals_folder
from support.command import invoke

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


def said(folder: Path) -> tuple[int, list[str]]:
    done = invoke(folder, "sync")
    return done.returncode, done.stderr.splitlines()


def test_nothing_is_queued(tmp_path: Path) -> None:
    assert said(tmp_path) == (0, ["Nothing is queued: everything is uploaded."])


def test_what_waits_for_other_stores_is_named_and_no_store_is_opened(tmp_path: Path) -> None:
    for name, store in {"a": ABSENT, "b": ABSENT, "c": "sqlite:////other.db"}.items():
        left(name, store)
    meant = "MLFLOW_TRACKING_URI says which one is meant."
    assert said(tmp_path) == (
        0,
        [
            "Nothing is queued for this store.",
            f"2 journals wait for the store {ABSENT}; {meant}",
            f"1 journal waits for the store sqlite:////other.db; {meant}",
        ],
    )
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize("line", [b"{\n", b"[]\n", b"\x00\xff\n", b'{"n": 1, "store": "x"}\n', b'{"store": []}\n'])
def test_a_damaged_beginning_is_named(line: bytes, tmp_path: Path) -> None:
    folder = left("a")
    path = folder / "entries.jsonl"
    path.write_bytes(line + path.read_bytes())
    code, sentences = said(tmp_path)
    assert (code, sentences[0]) == (3, "Nothing is queued for this store.")
    assert sentences[1].startswith(f"{folder}: damaged in its first line")


def test_half_a_first_line_tells_nothing_and_a_journal_at_work_is_left_to_it() -> None:
    path = left("a") / "entries.jsonl"
    path.write_bytes(path.read_bytes()[:20])
    at_work = Journal.create(journals_folder() / "b")
    (at_work.folder / "entries.jsonl").write_bytes(b"{\n")
    assert not_for_this_store(ABSENT).damaged == []
    at_work.release()
    assert not_for_this_store(ABSENT).damaged == [at_work.folder]


def test_an_unreachable_store_stops_neither_help_nor_messages_about_options(tmp_path: Path) -> None:
    left("a")
    helped = invoke(tmp_path, "compare", "--help", **QUICK)
    assert (helped.returncode, helped.stderr) == (0, "")
    unknown = invoke(tmp_path, "compare", "--buy", "regime", **QUICK)
    assert unknown.returncode == 2
    assert "No such option" in unknown.stderr
    wrong = invoke(tmp_path, "compare", "--by", "regim", **QUICK)
    assert wrong.returncode == 2
    assert f"Queued results could not be uploaded (store {ABSENT}: " in wrong.stderr
    assert "did you mean 'regime'?" in wrong.stderr
    assert invoke(tmp_path, "sync", **QUICK).returncode == 1
