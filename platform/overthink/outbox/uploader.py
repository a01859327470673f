"""Uploads a journal to a store: entry by entry, and nothing twice.

A reply that is lost leaves open whether the store has an entry. It is sent again: metrics carry the time at which they
were taken, and the store keeps equal ones once; tags, parameters, files and the end are what they were; a run is looked
for by the name it had in its journal before it is made again, and one that was made twice all the same is found at
its end.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import assert_never

from overthink.outbox.entries import Begin, Close, Dataset, Entry, Files, Link, Log
from overthink.outbox.handles import ATTEMPT, Handles, next_handle
from overthink.outbox.journal import Journal, Queued
from overthink.outbox.ownership import Ownership, ResumedError, ownership
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.group import GroupRef, ensure_group
from overthink.store.liveness import RunProcess, alive_tags
from overthink.store.one_at_a_time import one_at_a_time
from overthink.store.reader import active_run, run_of
from overthink.store.replacing import (
    close_replaced,
    copy_definition,
    facts_of,
    keep_first,
    mark_replaced,
    replaced_by_run_of,
)
from overthink.store.writer import Value, Writer

LOOK_AGAIN_SECONDS = 1.0
"""After which an upload looks again whether the run is still its own."""


class Uploader:
    """Uploads journals to one store."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer
        self.groups: dict[tuple[str, str], GroupRef] = {}
        """Groups that runs were begun in, by their keys."""
        self._handles = Handles(store)
        self.discarded: set[Journal] = set()
        """Journals of runs that another process has resumed, and finished; what they hold is discarded."""
        self._replaced = store.replaced
        self._maybe_created: set[str] = set()
        """Handles of runs that the store was asked to create; it may have done so without a reply."""

    def upload(self, journal: Journal) -> int:
        """Upload the entries that are not in the store yet, in order; return how many that was.

        Raises StoreError where the store refuses or is unreachable, OSError and ValueError where a file or an entry
        cannot be read.
        """
        count = 0
        self._follow_store()
        match self._ownership(journal):
            case Ownership.FINISHED:
                self._discard(journal)
                return count  # what training appends from here on is discarded by the next call
            case Ownership.GONE:
                self._begin_anew(journal)
            case Ownership.RESUMED if journal.is_finished:
                self._restart(journal)
            case Ownership.RESUMED:
                raise ResumedError
            case Ownership.OURS if journal.run_id is None and journal.begin.group.key not in self.groups:
                self._ensure_group(journal.begin)
                return self.upload(journal)  # looks again: by now another process may have ended the run
        looked = time.time()  # runs on while this process is stopped, or its machine asleep
        for batch in _batches(journal.entries()):
            if abs(time.time() - looked) >= LOOK_AGAIN_SECONDS:
                if self._ownership(journal) is not Ownership.OURS:
                    return count + self.upload(journal)
                looked = time.time()
            self._send(journal, [queued.entry for queued in batch])
            count += len(batch)
            journal.mark_uploaded(batch[-1])
        return count

    def heartbeat(self, journal: Journal) -> None:
        """Renew the heartbeat of a run that this process trains, unless another one has resumed it.

        One that counts as interrupted, because the store has not seen this process for long, is running again.
        """
        if journal.run_id is None or self._ownership(journal) is not Ownership.OURS:
            return
        if run_of(self._store, journal.run_id).outcome == tags.INTERRUPTED:
            self._writer.resume(journal.run_id, alive_tags())
        else:
            self._writer.heartbeat([journal.run_id])

    def _ownership(self, journal: Journal) -> Ownership:
        run_id = journal.run_id or journal.begin.run_id
        if run_id is None and self._may_be_there(journal):
            run_id = next((run.run_id for run in self._handles.runs_of(journal.begin.handle)), None)
        return ownership(self._store, journal, run_id)

    def _follow_store(self) -> None:
        """Forget the ids of a database that another one has replaced."""
        self._store.follow_file()
        if self._store.replaced != self._replaced:
            self._replaced = self._store.replaced
            self.groups.clear()
            self._handles.forget()

    def _may_be_there(self, journal: Journal) -> bool:
        return not journal.fresh or journal.begin.handle in self._maybe_created

    def _discard(self, journal: Journal) -> None:
        """Discard what is left: another process has finished the run."""
        self.discarded.add(journal)
        left = journal.entries()
        if left and isinstance(left[-1].entry, Close) and journal.run_id is not None:
            close_replaced(self._store, self._writer, journal.run_id, RunProcess.of(journal.begin.alive))
        if left:
            journal.mark_uploaded(left[-1])

    def _restart(self, journal: Journal) -> None:
        """Make the finished attempt at a run that another process has resumed a run of its own: all is sent again.

        Metrics cannot be deleted from the run that both began, and those of the other process are in it.
        """
        begin = journal.begin
        replaced = journal.run_id or begin.run_id or self._handles.runs_of(begin.handle)[0].run_id
        run_tags = {**facts_of(self._store, replaced).tags, **begin.tags, tags.REPLACES: replaced}
        new = {"run_id": None, "handle": next_handle(begin, replaced), "tags": run_tags}
        journal.restart(begin.model_copy(update=new))

    def _begin_anew(self, journal: Journal) -> None:
        """Make a run of what is here of one that the store no longer has: all is sent again."""
        begin = journal.begin
        self.groups.pop(begin.group.key, None)  # it may have gone, too
        handle = begin.handle if begin.handle.startswith(ATTEMPT) else next_handle(begin, begin.handle)
        run_tags = {key: value for key, value in begin.tags.items() if key != tags.REPLACES}
        journal.restart(begin.model_copy(update={"run_id": None, "handle": handle, "tags": run_tags}))

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
                files = [journal.file(kept) for kept in first.files if not journal.is_replaced(kept)]
                self._writer.artifacts(run_id, files, first.folder)
            case Link():
                self._link_from(run_id, first)
            case Close():
                self._restore_artifacts(journal, run_id)
                self._close(journal.begin, run_id, first)
            case unknown:
                assert_never(unknown)

    def _begin(self, journal: Journal, begin: Begin) -> str:
        group = self._ensure_group(begin)
        if begin.run_id is not None:
            self._writer.resume(begin.run_id, begin.alive)
            self._writer.log(begin.run_id, run_tags={tags.PARENT_OF_MLFLOW: group.group_id})
            return begin.run_id
        found = self._handles.runs_of(begin.handle) if self._may_be_there(journal) else []
        run_id = found[0].run_id if found else self._created(begin, group)
        self._describe(begin, run_id)
        self._handles.know(begin.handle, run_id, replaced_by_run_of(begin.tags))
        return run_id

    def _ensure_group(self, begin: Begin) -> GroupRef:
        group = self.groups.get(begin.group.key)
        if group is None:
            group = self.groups[begin.group.key] = ensure_group(self._store, self._writer, begin.group, work=True)
        return group

    def _describe(self, begin: Begin, run_id: str) -> None:
        """Write the parameters and the definition of a run that is made; earlier versions logged them as entries."""
        replaced = replaced_by_run_of(begin.tags)
        if params := begin.params or (facts_of(self._store, replaced).params if replaced else {}):
            self._writer.log(run_id, params=params)
        if isinstance(begin.definition, dict):
            self._writer.text(run_id, tags.DEFINITION_FILE, begin.definition)
        elif replaced:
            copy_definition(self._store, self._writer, replaced, run_id)

    def _created(self, begin: Begin, group: GroupRef) -> str:
        self._maybe_created.add(begin.handle)
        run_tags = {**begin.tags, tags.ATTEMPT: begin.handle, tags.PARENT_OF_MLFLOW: group.group_id}
        return self._writer.create(group.experiment_id, begin.name, run_tags, {}, begin.time_ms, begin.alive)

    def _close(self, begin: Begin, run_id: str, close: Close) -> None:
        self.delete_duplicates(begin.handle, run_id)
        self._writer.close(run_id, close.outcome, close.message, close.time_ms)
        if replaced := replaced_by_run_of(begin.tags):
            mark_replaced(self._store, self._writer, replaced, run_id)
        if close.outcome == tags.FINISHED and tags.FORCED not in begin.tags:
            keep_first(self._store, self._writer, begin.run_key)

    def _restore_artifacts(self, journal: Journal, run_id: str) -> None:
        """Store artifacts again that were deleted from a folder of this machine while the run was trained."""
        folder = self._store.artifact_folder(run_id)
        if folder is None:
            return
        for entry in reversed(journal.all_files()):  # the newest of a name
            lost = [name for name in entry.files if not (folder / (entry.folder or "") / Path(name).name).exists()]
            kept = [journal.folder / name for name in lost if (journal.folder / name).is_file()]
            self._writer.artifacts(run_id, kept, entry.folder)
        if isinstance(journal.begin.definition, dict) and not (folder / tags.DEFINITION_FILE).exists():
            self._writer.text(run_id, tags.DEFINITION_FILE, journal.begin.definition)

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
            run_tags |= {key: self._handles.resolved(value) for key, value in entry.tags.items()}
        if values or params or run_tags:
            self._writer.write(run_id, values, params, run_tags)

    def _link_from(self, run_id: str, link: Link) -> None:
        """Add a link to this run to another one: its tag names all that it links to, its description has a note.

        One that was deleted gets none.
        """
        of = self._handles.id(link.of)
        linked = active_run(self._store, of)
        if linked is None:
            return
        with one_at_a_time(self._store, linked.experiment_id, f"links of {of}"):
            other = active_run(self._store, of)
            if other is None or run_id in other.policy_run_ids:
                return
            both = {
                link.tag: " ".join([*other.policy_run_ids, run_id]),
                tags.MLFLOW_NOTE: other.note + "\n\n" + self._handles.resolved(link.note),
            }
            self._writer.log(of, run_tags=both)

    def delete_duplicates(self, handle: str, run_id: str) -> None:
        """Delete duplicates of a run: MLflow's client repeats requests by itself, and a busy server answers late."""
        if handle.startswith(ATTEMPT) and self._store.uri.startswith("http"):
            for other in self._handles.runs_of(handle):
                if other.run_id != run_id:
                    self._writer.delete(other.run_id)


def _batches(entries: Sequence[Queued]) -> Iterator[list[Queued]]:
    """Put entries that one request can carry together, in their order: those of `Log` with the same marker."""
    for _, together in groupby(entries, lambda one: one.entry.unless_there if isinstance(one.entry, Log) else one):
        yield list(together)
