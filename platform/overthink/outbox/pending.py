"""Journals that ended processes have left on disk: finding them, and uploading them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import Timeout

from overthink.outbox.journal import DamagedError, Journal
from overthink.outbox.journal_folder import lock_of, set_aside
from overthink.store.run_lock import locked
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
    discarded: list[str] = field(default_factory=list)
    """Names of runs that another process has finished since: what was left here of them was discarded."""
    queued: dict[str, str] = field(default_factory=dict)
    """Run key -> why the rest of it could not be uploaded."""
    other_stores: Counter[str] = field(default_factory=Counter)
    """Another store -> number of journals that wait for it."""
    unreadable: dict[Path, str] = field(default_factory=dict)
    """Journals that cannot be read here, such as those of a newer version -> why."""
    damaged: dict[Path, str] = field(default_factory=dict)
    """Where damaged journals were moved to -> what is wrong with them."""

    def sentences(self) -> Iterator[str]:
        """Yield sentences about it; none where nothing was left."""
        if self.runs:
            yield f"Uploaded {self.entries} queued entries of {', '.join(self.runs.values())}."
        for name in self.discarded:
            yield f"Another process has finished {name} since; what was queued here was discarded."
        for key, reason in self.queued.items():
            yield f"Run {key} is not fully uploaded: {reason}"
        for store, count in self.other_stores.items():
            runs = "1 run is" if count == 1 else f"{count} runs are"
            yield f"{runs} queued for another store, {store}; to upload, set MLFLOW_TRACKING_URI to it."
        for folder, reason in self.unreadable.items():
            yield f"{folder}: journal not uploaded: {reason}; a newer version of overthink may have written it."
        for aside, reason in self.damaged.items():
            yield (
                f"Journal damaged ({reason}); it was moved to {aside}. Rerun the command of its run: what is not in "
                "the store is trained again from the last checkpoint."
            )


def has_pending(uri: str) -> bool:
    """Tell whether an ended process has left something for a store."""
    return any(is_store(journal.begin.store, uri) for journal in _abandoned())


def is_anything_left() -> bool:
    """Tell whether there is a journal that no process uses, whatever is in it."""
    root = journals_folder()
    return root.is_dir() and any(map(_is_unused, root.iterdir()))


def finished_keys(uri: str) -> set[str]:
    """Return the keys of runs that an ended process has finished, and has not fully uploaded."""
    ours = (journal for journal in _abandoned() if is_store(journal.begin.store, uri))
    return {journal.begin.run_key for journal in ours if journal.is_finished}


def _is_unused(folder: Path) -> bool:
    lock = lock_of(folder)
    try:
        lock.acquire()
    except Timeout:
        return False
    except OSError:  # no folder, or one that cannot be written to: a launch says what is wrong
        return True
    lock.release()
    return True


def not_for_this_store(uri: str) -> UploadSummary:
    """Return what ended processes have left that cannot be uploaded to a store: for other stores, or unreadable."""
    found = UploadSummary()
    found.other_stores.update(
        journal.begin.store for journal in _abandoned(found) if not is_store(journal.begin.store, uri)
    )
    return found


def upload_pending(store: "Store", writer: "Writer") -> UploadSummary:
    """Upload what ended processes have left for a store. A journal that a process uses is left to that process."""
    from overthink.outbox.uploader import Uploader

    done, uploader, unreachable = UploadSummary(), Uploader(store, writer), ""
    for journal in _abandoned(done):
        if not is_store(journal.begin.store, store.uri):
            done.other_stores[journal.begin.store] += 1
        elif unreachable:
            done.queued[journal.begin.run_key] = unreachable
        else:
            unreachable = _upload(journal, uploader, done)
    return done


def _upload(journal: Journal, uploader: "Uploader", done: UploadSummary) -> str:
    """Upload one journal, and remove it; return why others need not be tried, or nothing.

    Its run is locked meanwhile: another command would see neither the journal nor all of the run, and train it again.
    """
    lock = locked(journal.begin.run_key)
    try:
        return _uploaded(journal, uploader, done)
    finally:
        if lock is not None:  # else a process trains it by now
            lock.release()


def _uploaded(journal: Journal, uploader: "Uploader", done: UploadSummary) -> str:
    begin = journal.begin
    try:
        entries = uploader.upload(journal)
        if not journal.ended and journal.run_id is not None:
            uploader.delete_duplicates(begin.handle, journal.run_id)
    except DamagedError as error:
        _set_aside(journal.folder, error, done)
        return ""
    except (RuntimeError, OSError, ValueError) as error:  # a StoreError is a RuntimeError
        done.queued[begin.run_key] = f"{error} (its journal is {journal.folder})"
        return "" if uploader.is_reachable() else str(error)
    if journal in uploader.discarded:
        done.discarded.append(begin.name)
    journal.remove()
    if entries and journal.run_id is not None:
        done.runs[begin.run_key] = begin.name
        done.entries += entries
        done.run_ids.append(journal.run_id)
    return ""


def _abandoned(found: UploadSummary | None = None) -> Iterator[Journal]:
    """Yield the journals that no process uses, oldest first, each locked until the next; note others in `found`.

    With `found`, damaged ones are moved out of the way.
    """
    root = journals_folder()
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        try:
            journal = Journal.take(folder)
        except DamagedError as error:
            if found is not None:
                _set_aside(folder, error, found)
            continue
        except (OSError, ValueError) as error:
            if found is not None:
                found.unreadable[folder] = str(error)
            continue
        if journal is not None:
            try:
                yield journal
            finally:
                journal.release()


def _set_aside(folder: Path, error: DamagedError, found: UploadSummary) -> None:
    try:
        found.damaged[set_aside(folder)] = str(error)
    except OSError as refused:
        found.unreadable[folder] = f"{error}; {refused}"
