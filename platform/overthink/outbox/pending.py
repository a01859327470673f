"""Journals that ended processes have left on disk: finding them, and uploading them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from overthink.outbox.journal import Journal
from overthink.store.uri import is_store, journals_folder

if TYPE_CHECKING:
    from overthink.outbox.uploader import Uploader
    from overthink.store.client import Store
    from overthink.store.writer import Writer


@dataclass
class UploadSummary:
    """What was uploaded, and what was not."""

    runs: dict[str, str] = field(default_factory=dict)
    """Run key -> the name of a run that entries were uploaded of."""
    entries: int = 0
    run_ids: list[str] = field(default_factory=list)
    """Ids in the store of those runs."""
    taken_over: list[str] = field(default_factory=list)
    """Names of runs that another process has resumed since: what was left here of them was discarded."""
    queued: dict[str, str] = field(default_factory=dict)
    """Run key -> why the rest of it could not be uploaded."""
    other_stores: Counter[str] = field(default_factory=Counter)
    """Another store -> number of journals that wait for it."""
    unreadable: list[Path] = field(default_factory=list)
    """Journals whose database or first entry cannot be read."""

    def sentences(self) -> Iterator[str]:
        """Yield sentences about it; none where nothing was left."""
        if self.runs:
            yield f"Uploaded {self.entries} queued entries of {', '.join(self.runs.values())}."
        for name in self.taken_over:
            yield f"Another process has resumed {name} since; what was queued here was discarded."
        for key, reason in self.queued.items():
            yield f"Run {key} is not fully uploaded: {reason}"
        for store, count in self.other_stores.items():
            runs = "1 run is" if count == 1 else f"{count} runs are"
            yield f"{runs} queued for another store, {store}; to upload, set MLFLOW_TRACKING_URI to it."
        for folder in self.unreadable:
            yield f"{folder}: journal unreadable; cannot be uploaded. Look at it, then remove it."


def has_pending(uri: str) -> bool:
    """Tell whether an ended process has left something for a store."""
    return bool(pending_keys(uri))


def pending_keys(uri: str) -> set[str]:
    """Return the keys of runs that an ended process has left something of."""
    return {journal.begin.run_key for journal in _abandoned([]) if is_store(journal.begin.store, uri)}


def not_for_this_store(uri: str) -> UploadSummary:
    """Return what ended processes have left that cannot be uploaded to a store: for other stores, or unreadable."""
    found = UploadSummary()
    found.other_stores.update(
        journal.begin.store for journal in _abandoned(found.unreadable) if not is_store(journal.begin.store, uri)
    )
    return found


def upload_pending(store: "Store", writer: "Writer") -> UploadSummary:
    """Upload what ended processes have left for a store. A journal that a process uses is left to that process."""
    from overthink.outbox.uploader import Uploader

    done, uploader, unreachable = UploadSummary(), Uploader(store, writer), ""
    for journal in _abandoned(done.unreadable):
        if not is_store(journal.begin.store, store.uri):
            done.other_stores[journal.begin.store] += 1
        elif unreachable:
            done.queued[journal.begin.run_key] = unreachable
        else:
            unreachable = _upload(journal, uploader, done)
    return done


def _upload(journal: Journal, uploader: "Uploader", done: UploadSummary) -> str:
    """Upload one journal, and remove it; return why others need not be tried, or nothing."""
    begin = journal.begin
    try:
        entries = uploader.upload(journal)
        if not journal.ended and journal.run_id is not None:
            uploader.delete_duplicates(begin.handle, journal.run_id)
    except (RuntimeError, OSError, ValueError) as error:  # a StoreError is a RuntimeError
        done.queued[begin.run_key] = f"{error} (its journal is {journal.folder})"
        return "" if uploader.is_reachable() else str(error)
    if journal in uploader.taken_over:
        done.taken_over.append(begin.name)
    journal.remove()
    if entries and journal.run_id is not None:
        done.runs[begin.run_key] = begin.name
        done.entries += entries
        done.run_ids.append(journal.run_id)
    return ""


def _abandoned(unreadable: list[Path]) -> Iterator[Journal]:
    """Yield the journals that no process uses, oldest first, each locked until the next; add others to `unreadable`."""
    root = journals_folder()
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        try:
            journal = Journal.take(folder)
        except (OSError, ValueError):
            unreadable.append(folder)
            continue
        if journal is not None:
            try:
                yield journal
            finally:
                journal.release()
