import math
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from overthink.outbox.entries import Begin, Files, Log
from overthink.outbox.journal import DamagedError, Journal
from support.journals import begin_entry, log_entry


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal.create(tmp_path / "journals" / "one", begin_entry())
    for number in range(1, 4):
        made.append(log_entry(number))
    return made


def taken(folder: Path) -> Journal:
    found = Journal.take(folder)
    assert found is not None
    return found


def again(journal: Journal) -> Journal:
    """The journal as the next process finds it."""
    journal.release()
    return taken(journal.folder)


def script(text: str, folder: Path) -> list[str]:
    """Run Python text that is given a folder."""
    header = "import os, sys; from pathlib import Path; from overthink.outbox.journal import Journal\n"
    header += "from support.journals import begin_entry, log_entry\n"
    return [sys.executable, "-c", header + text, str(folder)]


ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def values(journal: Journal) -> list[float]:
    return [one.entry.metrics["value"] for one in journal.entries() if isinstance(one.entry, Log)]


def test_entries_come_back_in_order_and_only_until_they_are_uploaded(journal: Journal) -> None:
    assert values(journal) == [1, 2, 3]
    journal.run_id = "the id"
    journal.mark_uploaded(journal.entries()[2])
    assert (values(journal), journal.waiting) == ([3], 1)
    later = again(journal)
    assert (values(later), later.waiting, later.run_id) == ([3], 1, "the id")


def test_entries_are_parsed_as_they_were_written(journal: Journal) -> None:
    journal.append(log_entry(math.nan))
    journal.append(log_entry(-math.inf))
    later = again(journal)
    assert later.begin == begin_entry()
    assert [type(one.entry) for one in later.entries()] == [Begin, Log, Log, Log, Log, Log]
    assert math.isnan(values(later)[3])
    assert values(later)[4] == -math.inf


def crashed(journal: Journal, folder: Path) -> Path:
    """Copy the journal as a machine that stops now leaves it; return its write-ahead log."""
    shutil.copytree(journal.folder, folder)
    return folder / "journal.db-wal"


@pytest.mark.parametrize("torn", [b"\x37\x7f\x06\x82", b"\x00" * 5000, b"\x01" * 100], ids=["start", "zeros", "ones"])
def test_what_was_cut_off_while_it_was_written_is_not_there(journal: Journal, tmp_path: Path, torn: bytes) -> None:
    with crashed(journal, tmp_path / "copy").open("ab") as file:
        file.write(torn)
    assert values(taken(tmp_path / "copy")) == [1, 2, 3]


def test_every_cut_leaves_the_whole_entries_before_it(journal: Journal, tmp_path: Path) -> None:
    size = crashed(journal, tmp_path / "whole").stat().st_size
    counts = []
    for length in [*range(0, size, 1500), size]:
        os.truncate(crashed(journal, tmp_path / str(length)), length)
        found = Journal.take(tmp_path / str(length))
        if found is None:  # cut off before the run had begun
            assert not (tmp_path / str(length)).exists()
            counts.append(0)
            continue
        assert found.begin == begin_entry()
        assert values(found) == [1, 2, 3][: found.written - 1]
        counts.append(found.written)
        found.release()
    assert counts == sorted(counts)
    assert set(counts) == {0, 1, 2, 3, 4}


def test_a_file_is_discarded_by_what_the_database_says(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not on disk is not uploaded: after a power loss the file would be missing."""
    (tmp_path / "checkpoint").write_text("old")
    kept = journal.keep(tmp_path / "checkpoint")
    journal.append(Files(files=(kept,), folder=None))
    last = journal.entries()[-1]
    journal._db.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)  # as a full disk
    with pytest.raises(OSError, match=r"journal\.db"):
        journal.mark_uploaded(last)
    journal.discard(kept)
    assert (journal.uploaded, journal.ended, journal.file(kept).read_text()) == (0, False, "old")
    journal._db.set_authorizer(None)
    journal.mark_uploaded(last)
    other = crashed(journal, tmp_path / "copy").parent
    assert taken(other).uploaded == last.number
    journal.discard(kept)
    with pytest.raises(DamagedError, match="checkpoint is missing"):
        journal.file(kept)


def test_kept_files_and_every_folder_above_them_are_synced(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("overthink.outbox.kept_files.sync", synced.append)
    file = journal.folder / journal.keep_text("a.json", "{}")
    assert synced == [file, *list(file.parents)[:3]]
    assert synced[-1] == journal.folder


def test_a_journal_that_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("append", "__init__"):
        with monkeypatch.context() as patch:
            patch.setattr(Journal, name, full)
            with pytest.raises(OSError, match="No space"):
                Journal.create(tmp_path / "journals" / "two", begin_entry())
        assert not (tmp_path / "journals" / "two").exists()
    Journal.create(tmp_path / "journals" / "two", begin_entry()).release()


def test_an_unreadable_entry_is_named(journal: Journal) -> None:
    journal.release()
    with closing(sqlite3.connect(journal.folder / "journal.db", isolation_level=None)) as database:
        database.execute("UPDATE entries SET entry = replace(entry, '2.0', 'x') WHERE number = 3")
    with pytest.raises(ValueError, match=r"journal.db: entry 3 is unreadable \(Invalid JSON"):
        again(journal).entries()


def test_an_entry_of_a_newer_version_is_named(journal: Journal) -> None:
    journal.release()
    with closing(sqlite3.connect(journal.folder / "journal.db", isolation_level=None)) as database:
        database.execute("""INSERT INTO entries VALUES (5, '{"do": "sing"}')""")
    with pytest.raises(ValueError, match=r"journal.db: entry 5 is unreadable \(.*'sing'"):
        again(journal).entries()


def test_a_damaged_database_is_named(journal: Journal) -> None:
    journal.release()
    (journal.folder / "journal.db").write_bytes(b"no database" * 1000)
    for _ in range(2):  # its lock is free again
        with pytest.raises(OSError, match=r"journal.db: file is not a database"):
            Journal.take(journal.folder)


def test_forgotten_progress_only_costs_uploading_again(journal: Journal) -> None:
    journal.mark_uploaded(journal.entries()[3])
    assert values(journal) == []
    journal.release()
    with closing(sqlite3.connect(journal.folder / "journal.db", isolation_level=None)) as database:
        database.execute("DELETE FROM progress")
    assert values(again(journal)) == [1, 2, 3]


@pytest.mark.process
def test_one_process_at_a_time(journal: Journal) -> None:
    assert Journal.take(journal.folder) is None
    other = script("print(Journal.take(Path(sys.argv[1])))", journal.folder)
    assert subprocess.check_output(other, text=True, env=ENVIRONMENT) == "None\n"


def test_one_thread_writes_while_another_uploads(journal: Journal) -> None:
    def write() -> None:
        for number in range(4, 204):
            journal.append(log_entry(number))

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[float] = []
    while journal.waiting or writer.is_alive():
        if found := journal.entries():
            seen += [one.entry.metrics["value"] for one in found if isinstance(one.entry, Log)]
            journal.mark_uploaded(found[-1])
    writer.join()
    assert seen == list(range(1, 204))
    assert again(journal).entries() == []


@pytest.mark.process
def test_what_was_appended_is_there_after_a_kill(tmp_path: Path) -> None:
    text = (
        "journal = Journal.create(Path(sys.argv[1]), begin_entry())\n"
        "for number in range(10**9):\n"
        "    journal.append(log_entry(number)); print(number, flush=True)\n"
    )
    folder = tmp_path / "killed"
    appending = script(text, folder)
    with subprocess.Popen(appending, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "50\n":
                process.kill()
                break
        last = int([line, *process.stdout][-1])
    found = values(taken(folder))
    assert found == list(range(len(found)))
    assert len(found) >= last + 1 > 50


def test_one_that_another_process_has_just_uploaded_is_gone(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock would make a folder of its name again."""
    journal.remove()
    looks = iter([True, False])
    monkeypatch.setattr("overthink.outbox.journal.is_journal", lambda _: next(looks))
    assert Journal.take(journal.folder) is None
    assert not journal.folder.exists()


def test_a_kept_file_stays_as_it_was_when_another_takes_its_place(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text("old")
    kept = journal.keep(tmp_path / "checkpoint")
    journal.append(Files(files=(kept,), folder=None))
    (tmp_path / "new").write_text("new")
    os.replace(tmp_path / "new", tmp_path / "checkpoint")
    assert journal.file(kept).read_text() == "old"
    assert journal.keep(tmp_path / "checkpoint") != kept
    journal.remove()
    assert not journal.folder.exists()
    assert (tmp_path / "checkpoint").read_text() == "new"


@pytest.mark.process
def test_a_full_disk_is_reported_and_leaves_no_half_entry(tmp_path: Path) -> None:
    """A file size limit stands in for a full disk: the operating system refuses the write either way."""
    text = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "journal = Journal.create(Path(sys.argv[1]), begin_entry())\n"
        "journal.append(log_entry(1))\n"
        "for limit in (100, (Path(sys.argv[1]) / 'journal.db-wal').stat().st_size + 5000):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))\n"
        "    try: journal.append(log_entry(0, 'x' * 20_000))\n"
        "    except OSError as error: print(error)\n"
        "    print(journal.written, len(journal.entries()))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "journal.append(log_entry(2))\n"
        "os._exit(0)\n"
    )
    folder = tmp_path / "full"
    printed = subprocess.check_output(script(text, folder), text=True, env=ENVIRONMENT)
    assert printed.splitlines() == [f"{folder}/journal.db: disk I/O error", "2 2"] * 2
    assert values(taken(folder)) == [1, 2]


@pytest.mark.parametrize("left", ["files", "run"])
def test_what_a_kill_left_of_a_removed_journal_is_removed_by_the_next_command(tmp_path: Path, left: str) -> None:
    """The database goes first: without it the rest is no journal, and nothing that a new journal would have."""
    folder = tmp_path / "removed"
    (folder / left / "1").mkdir(parents=True)
    (folder / left / "1" / "checkpoint.safetensors").write_text("weights")
    assert Journal.take(folder) is None
    assert not folder.exists()


def test_one_that_is_closed_is_named(journal: Journal) -> None:
    journal.release()
    with pytest.raises(OSError, match=r"journal\.db: Cannot operate on a closed database"):
        journal.append(log_entry(4))


def test_one_that_cannot_be_removed_stops_nobody(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its disk is read-only by now: the next command that can removes it."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        journal.remove()
    taken(journal.folder).remove()
    assert not journal.folder.exists()


def test_a_signal_between_the_entry_and_its_count_leaves_both_right(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python delivers a signal when the call that writes returns: at each Ctrl-C in the middle of an append."""

    class Interrupted:
        def __init__(self, database: sqlite3.Connection) -> None:
            self.database = database

        def execute(self, query: str, *values: Any) -> sqlite3.Cursor:
            done = self.database.execute(query, *values)
            if query.startswith("INSERT"):
                raise KeyboardInterrupt
            return done

    with monkeypatch.context() as patch:
        patch.setattr(journal, "_db", Interrupted(journal._db))
        with pytest.raises(KeyboardInterrupt):
            journal.append(log_entry(4))
    journal.append(log_entry(5))
    assert journal.waiting == len(journal.entries()) == 6
