"""What a run tells a store, by way of its journal: nothing here waits for the store, or fails because of it."""

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import JsonValue

from overthink.outbox.journal import Journal
from overthink.outbox.uploader import ATTEMPT
from overthink.store.group import GroupSpec
from overthink.store.liveness import alive_tags
from overthink.store.uri import identity, journals_folder
from overthink.store.writer import Content, Writer, as_text, now_ms


class RunStart(NamedTuple):
    """How a run begins: new, or as one that is in the store already and goes on."""

    place: GroupSpec
    run_key: str
    name: str
    run_tags: Mapping[str, str]
    params: Mapping[str, str]
    run_id: str | None = None
    """Of a run that goes on."""


class RunLogger:
    """What one run tells. Each call returns once it is on disk, and raises OSError where it cannot be.

    `handle` names the run to others: its id in the store, or a name of its own until it has one.
    """

    def __init__(
        self, journal: Journal, run_key: str, handle: str, writer: Writer, tell: Callable[[bool], None]
    ) -> None:
        self.journal = journal
        self.run_key = run_key
        self.handle = handle
        self._writer = writer
        self._tell = tell
        self._kept: dict[str, str] = {}

    @classmethod
    def begin(cls, beginning: RunStart, uri: str, writer: Writer, tell: Callable[[bool], None]) -> "RunLogger":
        """Open a journal and write down how the run begins; `tell` hears of entries, and whether they are urgent."""
        started = time.perf_counter()
        attempt = ATTEMPT + uuid.uuid4().hex
        journal = Journal.create(journals_folder() / f"{time.time_ns()}-{attempt}")
        account = cls(journal, beginning.run_key, beginning.run_id or attempt, writer, tell)
        journal.append(
            "begin",
            store=identity(uri),
            run_key=beginning.run_key,
            handle=account.handle,
            run_id=beginning.run_id,
            name=beginning.name,
            time_ms=now_ms(),
            alive=alive_tags(),
            place=asdict(beginning.place),
            tags=dict(beginning.run_tags),
        )
        writer.seconds += time.perf_counter() - started
        if beginning.run_id is None:
            account.log(params=beginning.params)
        return account

    def log(
        self,
        metrics: Mapping[str, float] | None = None,
        step: int = 0,
        params: Mapping[str, str] | None = None,
        run_tags: Mapping[str, str] | None = None,
        unless_there: str | None = None,
    ) -> None:
        """Tell metrics (all of one step), parameters and tags.

        Metrics that an earlier attempt may have told already name one of them, `unless_there`: where the store has that
        one at this step, it has them all.
        """
        self._add(
            "log",
            metrics=dict(metrics or {}),
            step=step,
            params=dict(params or {}),
            tags=dict(run_tags or {}),
            unless_there=unless_there,
            time_ms=now_ms(),
        )

    def dataset(self, name: str, digest: str, source: Mapping[str, JsonValue]) -> None:
        """Tell what data the run used."""
        self._add("dataset", name=name, digest=digest, source=dict(source))

    def artifacts(self, files: Iterable[Path], folder: str | None = None) -> None:
        """Tell of files, as they are now."""
        started = time.perf_counter()
        kept = [self.journal.keep(file) for file in files]
        for name in kept:
            artifact = f"{folder}/{Path(name).name}"
            self.journal.discard(self._kept.get(artifact))  # a copy of a checkpoint a minute would fill the disk
            self._kept[artifact] = name
        self._writer.seconds += time.perf_counter() - started
        self._add("files", files=kept, folder=folder)

    def text(self, name: str, content: Content) -> None:
        """Tell a text, or plain data as JSON, as an artifact."""
        started = time.perf_counter()
        kept = self.journal.keep_text(name, as_text(content))
        self._writer.seconds += time.perf_counter() - started
        folder, _, _ = name.rpartition("/")
        self._add("files", files=[kept], folder=folder or None)

    def mention(self, of: str, tag: str, note: str) -> None:
        """Have another run name this one in a tag, and add a note to its description, once."""
        self._add("mention", of=of, tag=tag, note=note)

    def close(self, outcome: str, message: str = "") -> None:
        """Tell how the run ended; nothing follows."""
        self._add("close", urgent=True, outcome=outcome, message=message, time_ms=now_ms(), handle=self.handle)

    def kept(self, artifact: str) -> Path | None:
        """Return the file of an artifact that was told, while the journal is still here."""
        file = self.journal.file(self._kept[artifact]) if artifact in self._kept else None
        return file if file is not None and file.exists() else None

    def _add(self, do: str, urgent: bool = False, **body: Any) -> None:
        started = time.perf_counter()
        self.journal.append(do, **body)
        self._writer.seconds += time.perf_counter() - started
        self._tell(urgent)
