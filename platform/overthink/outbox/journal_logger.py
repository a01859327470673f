"""Logging a run to its journal: nothing here waits for the store, or fails because of it."""

import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pydantic import JsonValue

from overthink.outbox.entries import Begin, Close, Dataset, Entry, Files, Link, Log
from overthink.outbox.handles import ATTEMPT
from overthink.outbox.journal import Journal
from overthink.outbox.run_logger import RunStart
from overthink.sentences import utf_8
from overthink.store.liveness import alive_tags
from overthink.store.uri import identity, journals_folder
from overthink.store.writer import Content, as_text, now_ms


class JournalLogger:
    """A `RunLogger`: each call returns once the entry is on disk, and raises OSError where it cannot be."""

    def __init__(self, journal: Journal, on_entry: Callable[[bool], None]) -> None:
        self.journal = journal
        self.run_key = journal.begin.run_key
        self.handle = journal.begin.handle
        self._on_entry = on_entry
        self._kept: dict[str, str] = {}

    @classmethod
    def begin(cls, start: RunStart, uri: str, on_entry: Callable[[bool], None]) -> "JournalLogger":
        """Open a journal and log how the run begins; `on_entry(urgent)` is called after each entry."""
        attempt = ATTEMPT + uuid.uuid4().hex
        begin = Begin(
            store=identity(uri),
            run_key=start.run_key,
            handle=start.run_id or attempt,
            run_id=start.run_id,
            name=start.name,
            time_ms=max(now_ms(), start.earliest_ms),
            alive=alive_tags(),
            before=start.before[:2],
            group=start.group,
            tags=start.run_tags,
            params=start.params,
            definition=start.definition,
        )
        return cls(Journal.create(journals_folder() / f"{time.time_ns()}-{attempt}", begin), on_entry)

    def log(
        self,
        metrics: Mapping[str, float] | None = None,
        step: int = 0,
        params: Mapping[str, str] | None = None,
        run_tags: Mapping[str, str] | None = None,
        unless_there: str | None = None,
    ) -> None:
        """Log metrics (all of one step), parameters and tags."""
        self._add(
            Log(
                metrics=metrics or {},
                step=step,
                params=_texts(params or {}),
                tags=_texts(run_tags or {}),
                unless_there=unless_there,
                time_ms=now_ms(),
            )
        )

    def dataset(self, name: str, digest: str, source: Mapping[str, JsonValue]) -> None:
        """Log what data the run used."""
        self._add(Dataset(name=name, digest=digest, source=source))

    def artifacts(self, files: Iterable[Path], folder: str | None = None) -> None:
        """Log files, as they are now, as artifacts."""
        kept = [self.journal.keep(file) for file in files]
        for name in kept:
            artifact = f"{folder}/{Path(name).name}"
            self.journal.discard(self._kept.get(artifact))  # a copy of a checkpoint a minute would fill the disk
            self._kept[artifact] = name
        self._add(Files(files=tuple(kept), folder=folder))

    def text(self, name: str, content: Content) -> None:
        """Log a text, or plain data as JSON, as an artifact."""
        kept = self.journal.keep_text(name, as_text(content))
        folder, _, _ = name.rpartition("/")
        self._add(Files(files=(kept,), folder=folder or None))

    def link(self, of: str, tag: str, note: str) -> None:
        """Have another run link to this one in a tag, and add a note to its description, once."""
        self._add(Link(of=of, tag=tag, note=note))

    def close(self, outcome: str, message: str = "") -> None:
        """Log how the run ended; nothing follows."""
        self._add(Close(outcome=outcome, message=utf_8(message), time_ms=now_ms(), handle=self.handle), urgent=True)

    def keep_folder(self, folder: Path) -> None:
        """Take the folder of a run that has ended, and remove it once all of the run is in the store."""
        try:
            self.journal.keep_folder(folder)
        except FileNotFoundError:  # all of it is uploaded, and the journal removed
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # it stays where it is
            return

    @property
    def run_id(self) -> str | None:
        """The run's id in the store, once the store has given it one."""
        return self.journal.run_id

    def kept(self, artifact: str) -> Path | None:
        """Return the file of an artifact that was logged, while the journal is still here."""
        file = self.journal.folder / self._kept[artifact] if artifact in self._kept else None
        return file if file is not None and file.exists() else None

    def is_uploading(self, artifact: str) -> bool:
        """Tell whether an artifact that was logged is not in the store yet."""
        return artifact in self._kept and not self.journal.is_uploaded(self._kept[artifact])

    def _add(self, entry: Entry, urgent: bool = False) -> None:
        self.journal.append(entry)
        self._on_entry(urgent)


def _texts(values: Mapping[str, str]) -> dict[str, str]:
    """Return texts as a journal holds them: names of files in them need not be UTF-8."""
    return {key: utf_8(value) for key, value in values.items()}
