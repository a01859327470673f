"""The journal of a run: a queue on disk of what the run has logged, which a background thread uploads in order.

A journal is a folder: `journal.db` (SQLite) holds the entries and how many of them are uploaded, `files/` the files
that they upload, `lock` the lock of the one process that uses the journal.
"""

import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from overthink.atomic_file import sync
from overthink.outbox import jsonl_journal
from overthink.outbox.entries import Begin, Close, Entry, Files, parse_entry
from overthink.outbox.journal_folder import DATABASE, RUN, is_half_made, is_journal, lock_of
from overthink.outbox.kept_files import KeptFiles, entry_of
from overthink.store import tags

# Exclusive, because the lock keeps other processes out; else SQLite shares memory, which network file systems cannot.
OPEN = """
    PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS entries (number INTEGER PRIMARY KEY, entry TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS progress (row INTEGER PRIMARY KEY, uploaded INTEGER NOT NULL, run_id TEXT);
    INSERT OR IGNORE INTO progress VALUES (0, 0, NULL);
"""


DAMAGED = sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB


class DamagedError(OSError, ValueError):
    """A journal, or a file in it, that no version can read."""


class Queued(NamedTuple):
    """An entry, and its number in its journal, from 1."""

    number: int
    entry: Entry


class Journal:
    """The journal in a folder, whose lock the caller holds; one thread may append to it while another uploads it.

    A forked process must neither use nor close it (SQLite).
    """

    written: int
    uploaded: int
    """Numbers of the last entries that are on disk, and in the store."""
    run_id: str | None
    """The run's id in the store, once the store has given it one."""

    def __init__(self, folder: Path, lock: FileLock, fresh: bool = False) -> None:
        self.folder = folder
        self.fresh = fresh
        """Whether this process wrote all there is in it."""
        self.ended = False
        """Whether the last entry there will be was uploaded by this process."""
        self._files = KeptFiles(folder)
        self._lock = lock
        self._one_thread = threading.Lock()
        # No timeout: the lock keeps others out, and a thread of ours waits for the other one.
        self._db = sqlite3.connect(folder / DATABASE, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            with self._errors():
                self._db.executescript(OPEN)
                self._import_jsonl()
                query = "SELECT (SELECT count(*) FROM entries), uploaded, run_id FROM progress"
                self.written, self.uploaded, self.run_id = self._db.execute(query).fetchone()
        except BaseException:
            self._db.close()
            raise

    @classmethod
    def create(cls, folder: Path, begin: Begin) -> "Journal":
        """Make a journal in a new folder, with its first entry."""
        folder.mkdir(parents=True)
        lock = lock_of(folder)
        try:
            lock.acquire()
            journal = cls(folder, lock, fresh=True)
        except BaseException:  # a full disk
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()
            raise
        try:
            journal.append(begin)
            sync(folder)
            sync(folder.parent)
        except BaseException:
            journal.remove()
            raise
        return journal

    @classmethod
    def take(cls, folder: Path) -> "Journal | None":
        """Return the journal that an ended process left; None where a process still uses it, or there is none.

        Raises OSError or ValueError naming it where it cannot be read, DamagedError where it never will be.
        """
        if not is_journal(folder) and not is_half_made(folder):
            return None
        lock = lock_of(folder)
        try:
            lock.acquire()
        except (Timeout, OSError):  # an OSError: the folder is not ours to write in
            return None
        if not is_journal(folder):  # half made, or uploaded and removed meanwhile: the lock has made a new folder
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()
            return None
        try:
            journal = cls(folder, lock)
        except BaseException:
            lock.release()
            raise
        try:
            if journal.written and journal.begin:
                return journal
        except BaseException:
            journal.release()
            raise
        journal.remove()  # its process was killed before the run had begun
        return None

    @cached_property
    def begin(self) -> Begin:
        """The first entry; raises OSError or ValueError where it cannot be read."""
        first = next((queued.entry for queued in self._read("number = ?", 1)), None)
        if not isinstance(first, Begin):
            raise DamagedError(f"{self.folder / DATABASE}: it does not begin with a run")
        return first

    @property
    def is_finished(self) -> bool:
        """Whether it holds a run to its end, and the run has finished; an unreadable end is none."""
        try:
            last = self._read("number = ?", self.written)[0].entry
        except ValueError:
            return False
        return isinstance(last, Close) and last.outcome == tags.FINISHED

    def append(self, entry: Entry) -> None:
        """Add an entry; it is on disk when this returns. Raises OSError where it is not, and then it is not there."""
        with self._errors():
            try:
                self._db.execute("INSERT INTO entries VALUES (?, ?)", (self.written + 1, entry.model_dump_json()))
            finally:  # a signal that ends the launch arrives when the entry is on disk already
                (self.written,) = self._db.execute("SELECT coalesce(max(number), 0) FROM entries").fetchone()

    def keep(self, file: Path) -> str:
        """Keep a finished file for the next entry; return its name here. What replaces it later is another file."""
        return self._files.keep(file, self.written + 1)

    def keep_text(self, name: str, text: str) -> str:
        """Keep a text for the next entry, as a file; return its name here."""
        return self._files.keep_text(name, text, self.written + 1)

    def keep_folder(self, folder: Path) -> None:
        """Keep a run's folder until the journal is removed. Raises FileNotFoundError where it is removed already."""
        (self.folder / RUN).mkdir()
        folder.rename(self.folder / RUN / folder.name)

    def discard(self, kept: str | None) -> None:
        """Remove a kept file that the store has: there is a newer one of its name."""
        if kept is not None and self.is_uploaded(kept):
            self._files.remove(kept)

    def is_replaced(self, kept: str) -> bool:
        """Tell whether a kept file was discarded because there is a newer one of its name."""
        return self._files.is_replaced(kept)

    def is_uploaded(self, kept: str) -> bool:
        """Tell whether the entry of a kept file is uploaded."""
        return entry_of(kept) <= self.uploaded

    def entries(self) -> list[Queued]:
        """Return the entries that are not uploaded yet.

        Raises OSError where the database cannot be read, ValueError naming it and the entry where one cannot.
        """
        return self._read("number > ?", self.uploaded)

    def all_files(self) -> list[Files]:
        """Return the entries of files, uploaded or not."""
        return [queued.entry for queued in self._read("number > ?", 0) if isinstance(queued.entry, Files)]

    def _read(self, condition: str, number: int) -> list[Queued]:
        with self._errors():
            rows = self._db.execute(f"SELECT number, entry FROM entries WHERE {condition} ORDER BY number", (number,))
            texts: list[tuple[int, str]] = rows.fetchall()
        return [Queued(number, self._parsed(number, text)) for number, text in texts]

    def _parsed(self, number: int, text: str) -> Entry:
        try:
            return parse_entry(text)
        except ValueError as error:
            kind = ValueError if _is_json(text) else DamagedError  # JSON of another form is of another version
            raise kind(f"{self.folder / DATABASE}: entry {number} is unreadable ({error})") from error

    def mark_uploaded(self, last: Queued) -> None:
        """Remember that all entries up to this one are uploaded: it is on disk when this returns."""
        with self._errors():
            self._db.execute("REPLACE INTO progress VALUES (0, ?, ?)", (last.number, self.run_id))
        # After that: files are removed by these.
        self.uploaded, self.ended = last.number, isinstance(last.entry, Close)

    def restart(self, begin: Begin) -> None:
        """Give the journal another first entry, and forget what is uploaded: all of it is for another run."""
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("REPLACE INTO entries VALUES (1, ?)", (begin.model_dump_json(),))
            self._db.execute("REPLACE INTO progress VALUES (0, 0, NULL)")
            self._db.execute("COMMIT")
        self.begin, self.uploaded, self.run_id = begin, 0, None

    @property
    def waiting(self) -> int:
        """Number of entries that are not uploaded."""
        return self.written - self.uploaded

    def file(self, kept: str) -> Path:
        """Return a kept file by its name here; raises DamagedError where there is none."""
        path = self.folder / kept
        if not path.is_file():
            raise DamagedError(f"{path} is missing")
        return path

    def remove(self) -> None:
        """Remove the journal, files and all: the store has it. What cannot be removed is left to a later command."""
        self._db.close()
        with suppress(OSError):  # a disk that is read-only by now, or a file server that does not answer
            (self.folder / DATABASE).unlink(missing_ok=True)  # first: without it, the rest is no journal
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()

    def release(self) -> None:
        """Leave the journal to whoever uploads it."""
        self._db.close()
        self._lock.release()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Let one thread at a time use the database; its errors become an OSError that names it."""
        with self._one_thread:
            try:
                yield
            except sqlite3.Error as error:
                kind = DamagedError if getattr(error, "sqlite_errorcode", None) in DAMAGED else OSError
                raise kind(f"{self.folder / DATABASE}: {error}") from error

    def _import_jsonl(self) -> None:
        """Move what an earlier version left in this folder into the database."""
        if not (self.folder / jsonl_journal.ENTRIES).exists():
            return
        try:
            entries, (uploaded, run_id) = jsonl_journal.read(self.folder)
        except ValueError as error:
            raise DamagedError(str(error)) from error
        self._db.execute("BEGIN")
        self._db.executemany("REPLACE INTO entries VALUES (?, ?)", enumerate(entries, start=1))
        self._db.execute("REPLACE INTO progress VALUES (0, ?, ?)", (uploaded, run_id))
        self._db.execute("COMMIT")
        jsonl_journal.remove(self.folder)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
