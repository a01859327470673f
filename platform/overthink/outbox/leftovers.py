"""What earlier processes have left on disk for a store: finding it, and delivering it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overthink.outbox.journal import Journal, first_entry
from overthink.store.uri import identity, journals_folder

if TYPE_CHECKING:
    from overthink.outbox.uploader import Uploader
    from overthink.store.client import Store
    from overthink.store.writer import Writer


@dataclass
class UploadSummary:
    """What came of delivering."""

    runs: dict[str, str] = field(default_factory=dict)
    """Run key -> the name of a run that the store has heard more of."""
    entries: int = 0
    run_ids: list[str] = field(default_factory=list)
    """Ids in the store of those runs."""
    anothers: list[str] = field(default_factory=list)
    """Names of runs that another process has taken up since: what was left here of them is of no more use."""
    left: dict[str, str] = field(default_factory=dict)
    """Run key -> why the rest of it still waits."""
    elsewhere: dict[str, int] = field(default_factory=dict)
    """Another store -> number of journals that wait for it."""
    damaged: list[Path] = field(default_factory=list)
    """Journals that do not say what run they tell of."""

    def sentences(self) -> Iterator[str]:
        """Say what came of it; nothing where there was nothing."""
        if self.runs:
            names = ", ".join(self.runs.values())
            yield f"Delivered to the store what it had not heard of {names}: {self.entries} entries."
        for name in self.anothers:
            yield f"Another process has taken {name} up since; what was left of it here is left out."
        for key, reason in self.left.items():
            yield f"Run {key} still waits: {reason}"
        for store, count in self.elsewhere.items():
            waits = "journal waits" if count == 1 else "journals wait"
            yield f"{count} {waits} for the store {store}; MLFLOW_TRACKING_URI says which one is meant."
        for folder in self.damaged:
            yield f"{folder}: damaged in its first line, so nobody knows what it tells; look at it, then remove it."


def journals(uri: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the journals for a store, and how each begins, in the order in which they were begun."""
    for folder, body in _all():
        if body["store"] == identity(uri):
            yield folder, body


def has_pending(uri: str) -> bool:
    """Tell whether an ended process has left something for a store."""
    return any(_is_left(folder) for folder, _ in journals(uri))


def pending_keys(uri: str) -> set[str]:
    """Return the keys of runs that an ended process has left something of."""
    return {body["run_key"] for folder, body in journals(uri) if _is_left(folder)}


def not_for_this_store(uri: str) -> UploadSummary:
    """Return what ended processes have left that a store cannot be told: it is for others, or damaged."""
    others = (body["store"] for folder, body in _all() if body["store"] != identity(uri) and _is_left(folder))
    return UploadSummary(elsewhere=dict(Counter(others)), damaged=_damaged())


def upload_pending(store: "Store", writer: "Writer") -> UploadSummary:
    """Tell a store what ended processes have left for it. Journals that a process is at are that one's to deliver."""
    from overthink.outbox.uploader import Uploader

    done, delivery = not_for_this_store(store.uri), Uploader(store, writer)
    silent = ""
    for folder, body in journals(store.uri):
        if (journal := Journal.take(folder)) is None:
            continue
        if silent:
            done.left[body["run_key"]] = silent
        else:
            silent = _deliver(journal, body, delivery, done)
        journal.release()
    return done


def _deliver(journal: Journal, body: dict[str, Any], delivery: "Uploader", done: UploadSummary) -> str:
    """Deliver one journal, and remove it; return why others need not be tried, or nothing."""
    try:
        entries = delivery.deliver(journal)
        if not journal.ended and journal.run_id is not None:
            delivery.only_one(body["handle"], journal.run_id)
    except (RuntimeError, OSError, ValueError, KeyError, TypeError) as error:  # a StoreError is a RuntimeError
        done.left[body["run_key"]] = f"{error} (it lies in {journal.folder})"
        return "" if delivery.answers() else str(error)
    if journal in delivery.anothers:
        done.anothers.append(body["name"])
    journal.remove()
    if entries and journal.run_id is not None:
        done.runs[body["run_key"]] = body["name"]
        done.entries += entries
        done.run_ids.append(journal.run_id)
    return ""


def _is_left(folder: Path) -> bool:
    journal = Journal.take(folder)
    if journal is None:
        return False
    journal.release()
    return True


def _all() -> Iterator[tuple[Path, dict[str, Any]]]:
    for folder in _folders():
        if (body := _beginning(folder)) is not None:
            yield folder, body


def _damaged() -> list[Path]:
    """Return journals with a first line that says nothing; without an end it was never written, so nothing is lost."""
    return [folder for folder in _folders() if _has_a_line(folder) and _beginning(folder) is None and _is_left(folder)]


def _folders() -> list[Path]:
    root = journals_folder()
    return sorted(root.iterdir()) if root.is_dir() else []


def _beginning(folder: Path) -> dict[str, Any] | None:
    body = first_entry(folder) or {}
    return body if all(isinstance(body.get(name), str) for name in ("store", "run_key", "name", "handle")) else None


def _has_a_line(folder: Path) -> bool:
    with suppress(OSError), (folder / "entries.jsonl").open("rb") as file:
        return file.readline().endswith(b"\n")
    return False
