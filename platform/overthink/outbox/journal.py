"""What a store is to hear about a run: on disk first, in order, so that a store that is away costs nothing.

A folder a journal: `entries.jsonl` has an entry a line, each with its number; `files/` what entries send along;
`delivered.json` how far the store has heard it. One process writes a journal, and holds its lock while it does.
"""

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

CLOSE = "close"
"""What the last entry of a run that has ended does."""


class Entry(NamedTuple):
    """One thing to tell the store."""

    number: int
    do: str
    body: dict[str, Any]
    end: int
    """Where the entry ends in its file, in bytes."""


class Journal:
    """The journal in a folder, whose lock the caller holds."""

    def __init__(self, folder: Path, lock: FileLock, fresh: bool = False) -> None:
        self.folder = folder
        self.fresh = fresh
        """Whether this process wrote all there is in it."""
        self._lock = lock
        self._path = folder / "entries.jsonl"
        known = _progress(folder)
        self.delivered: int = known.get("entries", 0)
        self.run_id: str | None = known.get("run_id")
        """The run's id in the store, once the store has given it one."""
        self._offset: int = known.get("bytes", 0)
        self.written = self.delivered
        """Number of entries on disk; of a journal that another process wrote, once `entries` has read them."""
        self.ended = bool(known.get("ended"))
        """Whether the store has heard the last entry there will be."""

    @classmethod
    def create(cls, folder: Path) -> "Journal":
        """Make an empty journal in a new folder."""
        folder.mkdir(parents=True)
        lock = _lock(folder)
        lock.acquire()
        (folder / "entries.jsonl").touch()
        _to_disk(folder)
        _to_disk(folder.parent)
        return cls(folder, lock, fresh=True)

    @classmethod
    def take(cls, folder: Path) -> "Journal | None":
        """Return the journal that an ended process left; None where its process is still at it, or it is gone."""
        lock = _lock(folder)
        try:
            lock.acquire()
        except (Timeout, OSError):  # an OSError: the folder is not ours to write in
            return None
        if not (folder / "entries.jsonl").exists():  # delivered and removed meanwhile: the lock has made a new folder
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()
            return None
        return cls(folder, lock)

    def append(self, do: str, **body: Any) -> None:
        """Add an entry; it is on disk when this returns. Raises OSError where it is not, and then it is not there."""
        line = json.dumps({"n": self.written + 1, "do": do, **body}).encode() + b"\n"
        with self._path.open("ab", buffering=0) as file:
            start = file.seek(0, os.SEEK_END)
            try:
                if file.write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
                os.fsync(file.fileno())
            except OSError:
                file.truncate(start)
                raise
        self.written += 1

    def keep(self, file: Path) -> str:
        """Keep a finished file for the next entry; return its name here. What replaces it later is another file."""
        place = self._new_place(file.name)
        try:
            os.link(file, place)
        except OSError:  # another file system, or one without links
            shutil.copyfile(file, place)
        return self._kept(place)

    def discard(self, kept: str | None) -> None:
        """Remove a kept file that the store has: there is a newer one of its name."""
        if kept is not None and int(Path(kept).parent.name) <= self.delivered:
            (self.folder / kept).unlink(missing_ok=True)

    def keep_text(self, name: str, text: str) -> str:
        """Keep a text for the next entry, as a file; return its name here."""
        place = self._new_place(name)
        place.write_text(text)
        return self._kept(place)

    def entries(self) -> list[Entry]:
        """Return what the store has not heard yet; a last line that was cut off while it was written is not there.

        Raises ValueError naming file and entry where anything else is damaged.
        """
        with self._path.open("rb") as file:
            file.seek(self._offset)
            lines = file.read().split(b"\n")
        found = list(self._parsed(lines))
        if not self.fresh:
            self.written = self.delivered + len(found)
        return found

    def _parsed(self, lines: Sequence[bytes]) -> Iterator[Entry]:
        end = self._offset
        whole = lines[:-1]  # what follows the last line's end is nothing, or half a line
        for number, line in enumerate(whole, start=self.delivered + 1):
            end += len(line) + 1
            try:
                if self.fresh and number > self.written:  # it is not on disk yet, and may be taken back
                    return
                body = json.loads(line)
                if body.pop("n") != number:
                    raise ValueError("it has another number")
                yield Entry(number, body.pop("do"), body, end)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                if number == self.delivered + len(whole):  # a torn line may hold anything, a line's end too
                    return
                raise ValueError(f"{self._path}: entry {number} is damaged ({error})") from error

    def acknowledge(self, entry: Entry) -> None:
        """Remember that the store has heard everything up to this entry. Forgotten, it only costs telling it again."""
        self.delivered, self._offset, self.ended = entry.number, entry.end, entry.do == CLOSE
        known = {"entries": entry.number, "bytes": entry.end, "run_id": self.run_id, "ended": self.ended}
        unfinished = self.folder / "delivered.json.tmp"
        unfinished.write_text(json.dumps(known))
        os.replace(unfinished, self.folder / "delivered.json")

    @property
    def waiting(self) -> int:
        """Number of entries that the store has not heard."""
        return int(self.written - self.delivered)

    def file(self, kept: str) -> Path:
        """Return a kept file by its name here."""
        return self.folder / kept

    def remove(self) -> None:
        """Remove the journal, files and all: the store has it."""
        (self.folder / "entries.jsonl").unlink(missing_ok=True)  # first: without it nobody takes the rest for a journal
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()

    def release(self) -> None:
        """Leave the journal to whoever delivers it."""
        self._lock.release()

    def _new_place(self, name: str) -> Path:
        folder = self.folder / "files" / str(self.written + 1)
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / Path(name).name
        place.unlink(missing_ok=True)  # from an entry that could not be written
        return place

    def _kept(self, place: Path) -> str:
        for made in (place, place.parent, place.parent.parent):
            _to_disk(made)
        return str(place.relative_to(self.folder))


def first_entry(folder: Path) -> dict[str, Any] | None:
    """Return what a journal begins with, without its lock; None where it has no whole entry."""
    with suppress(OSError, ValueError), (folder / "entries.jsonl").open("rb") as file:
        line = file.readline()
        if line.endswith(b"\n") and isinstance(body := json.loads(line), dict):
            return body
    return None


def _lock(folder: Path) -> FileLock:
    return FileLock(folder / "lock", timeout=0, thread_local=False)  # one thread writes, another delivers


def _progress(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        known = json.loads((folder / "delivered.json").read_text())
        if isinstance(known, dict):
            return known
    return {}


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
