"""Uploads a journal to a store: entry by entry, and nothing twice.

A reply that is lost leaves open whether the store has an entry. It is sent again: metrics carry the time at which they
were taken, and the store keeps equal ones once; tags, parameters, files and the end are what they were; a run is looked
for by the name it had in its journal before it is made again, and one that was made twice all the same is found at
its end.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import assert_never

from overthink.outbox.entries import Begin, Close, Dataset, Entry, Files, Link, Log
from overthink.outbox.journal import Journal, Queued
from overthink.store import tags
from overthink.store.client import Store, StoreError
from overthink.store.group import GroupRef, ensure_group
from overthink.store.liveness import HEARTBEAT_SECONDS, RunProcess, taken_over
from overthink.store.reader import find_runs, run_of
from overthink.store.stored import StoredRun
from overthink.store.writer import Value, Writer

ATTEMPT = "attempt-"
"""Begins the handle of a run that has no id in the store yet."""
_HANDLES = re.compile(r"\[\[(id|link) ((?:attempt-)?[0-9a-f]{32})\]\]")


def id_of(handle: str) -> str:
    """Return a placeholder for a run's id in a tag."""
    return f"[[id {handle}]]"


def link_to(handle: str) -> str:
    """Return a placeholder for a Markdown link to a run in a tag."""
    return f"[[link {handle}]]"


class Uploader:
    """Uploads journals to one store."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer
        self.groups: dict[tuple[str, str], GroupRef] = {}
        """Groups that runs were begun in, by their keys."""
        self._ids: dict[str, str] = {}
        self.taken_over: set[Journal] = set()
        """Journals of runs that another process has resumed; what they hold is discarded."""
        self._checked: dict[Journal, float] = {}
        """When a run was last known to be its journal's own, on the monotonic clock, in seconds."""
        self._maybe_created: set[str] = set()
        """Handles of runs that the store was asked to create; it may have done so without a reply."""

    def upload(self, journal: Journal) -> int:
        """Upload the entries that are not in the store yet, in order; return how many that was.

        Raises StoreError where the store refuses or is unreachable, OSError and ValueError where a file or an entry
        cannot be read.
        """
        count = 0
        if self._is_taken_over(journal):
            self.taken_over.add(journal)
        for batch in _batches(journal.entries()):
            if journal not in self.taken_over:
                self._send(journal, [queued.entry for queued in batch])
                count += len(batch)
            journal.mark_uploaded(batch[-1])
        return count

    def _is_taken_over(self, journal: Journal) -> bool:
        """Tell whether another process has resumed a run, as may happen while this machine is cut off from the store.

        It resumed from a checkpoint, and logs every epoch itself: what this journal holds would spoil that.
        """
        if journal.fresh and time.monotonic() - self._checked.get(journal, time.monotonic()) < HEARTBEAT_SECONDS:
            self._checked.setdefault(journal, time.monotonic())
            return False
        self._checked[journal] = time.monotonic()
        run_id = journal.run_id or journal.begin.run_id
        return run_id is not None and taken_over(
            run_of(self._store, run_id).process, RunProcess.of(journal.begin.alive)
        )

    def is_reachable(self) -> bool:
        """Tell whether the store answers at all."""
        try:
            self._store.ping()
        except StoreError:
            return False
        return True

    def _send(self, journal: Journal, batch: Sequence[Entry]) -> None:
        """Send entries that go together: one, or several of `Log`."""
        first = batch[0]
        if isinstance(first, Begin):
            journal.run_id = self._begin(journal, first)
            return
        run_id = journal.run_id
        if run_id is None:
            raise ValueError(f"{journal.folder}: it does not begin with a run")
        match first:
            case Log():
                self._log(run_id, [entry for entry in batch if isinstance(entry, Log)])
            case Dataset():
                self._writer.dataset(run_id, first.name, first.digest, first.source)
            case Files():
                self._writer.artifacts(run_id, map(journal.file, first.files), first.folder)
            case Link():
                self._link_from(run_id, first)
            case Close():
                self.delete_duplicates(first.handle, run_id)
                self._writer.close(run_id, first.outcome, first.message, first.time_ms)
            case unknown:
                assert_never(unknown)

    def _begin(self, journal: Journal, begin: Begin) -> str:
        group = self.groups.get(begin.group.key)
        if group is None:
            group = self.groups[begin.group.key] = ensure_group(self._store, self._writer, begin.group, work=True)
        if begin.run_id is not None:
            self._writer.resume(begin.run_id, begin.alive)
            self._writer.log(begin.run_id, run_tags={tags.PARENT_OF_MLFLOW: group.group_id})
            return begin.run_id
        handle, found = begin.handle, None
        if handle in self._maybe_created or not journal.fresh:
            found = next(iter(self._of_attempt(handle)), None)
        if found is None:
            self._maybe_created.add(handle)
            run_tags = {**begin.tags, tags.ATTEMPT: handle, tags.PARENT_OF_MLFLOW: group.group_id}
            experiment_id = group.experiment_id
            run_id = self._writer.create(experiment_id, begin.name, run_tags, {}, begin.time_ms, begin.alive)
        else:
            run_id = found.run_id
        self._ids[handle] = run_id
        return run_id

    def _of_attempt(self, handle: str) -> list[StoredRun]:
        return sorted(find_runs(self._store, attempt=handle), key=lambda run: run.run_id)

    def _log(self, run_id: str, entries: Sequence[Log]) -> None:
        """Write entries in one go; those with a marker only at steps where the store does not have it."""
        marker = entries[0].unless_there
        known = self._writer.logged_steps(run_id, marker) if marker is not None else set()
        values: list[Value] = []
        params: dict[str, str] = {}
        run_tags: dict[str, str] = {}
        for entry in entries:
            if entry.step not in known:
                # The marker last: should only half of them arrive, the step is sent again.
                metrics = sorted(entry.metrics.items(), key=lambda metric: metric[0] == marker)
                values += [Value(key, value, entry.step, entry.time_ms) for key, value in metrics]
            params |= entry.params
            run_tags |= {key: self._with_ids(value) for key, value in entry.tags.items()}
        if values or params or run_tags:
            self._writer.write(run_id, values, params, run_tags)

    def _link_from(self, run_id: str, link: Link) -> None:
        """Add a link to this run to another one: its tag names all that it links to, its description has a note."""
        other = run_of(self._store, self._id(link.of))
        known = other.policy_run_ids  # of the one tag that lists runs
        if run_id not in known:
            both = {
                link.tag: " ".join([*known, run_id]),
                tags.MLFLOW_NOTE: other.note + "\n\n" + self._with_ids(link.note),
            }
            self._writer.log(other.run_id, run_tags=both)

    def delete_duplicates(self, handle: str, run_id: str) -> None:
        """Delete duplicates of a run: MLflow's client repeats requests by itself, and a busy server answers late."""
        if handle.startswith(ATTEMPT) and self._store.uri.startswith("http"):
            for other in self._of_attempt(handle):
                if other.run_id != run_id:
                    self._writer.delete(other.run_id)

    def _with_ids(self, text: str) -> str:
        """Put the store's ids and links in the place of handles."""
        replace: dict[str, Callable[[str], str]] = {"id": self._id, "link": self._link}
        return _HANDLES.sub(lambda found: replace[found[1]](found[2]), text)

    def _link(self, handle: str) -> str:
        run = run_of(self._store, self._id(handle))
        return f"[run {run.run_id[:8]}](#/experiments/{run.experiment_id}/runs/{run.run_id})"

    def _id(self, handle: str) -> str:
        if not handle.startswith(ATTEMPT):
            return handle
        if handle not in self._ids:
            found = next(iter(self._of_attempt(handle)), None)
            if found is None:
                raise StoreError(f"store {self._store.shown}: it does not have run {handle} yet")
            self._ids[handle] = found.run_id
        return self._ids[handle]


def _batches(entries: Sequence[Queued]) -> Iterator[list[Queued]]:
    """Put entries that one request can carry together, in their order: those of `Log` with the same marker."""
    for _, together in groupby(entries, lambda one: one.entry.unless_there if isinstance(one.entry, Log) else one):
        yield list(together)
