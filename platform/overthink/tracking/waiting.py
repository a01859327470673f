"""What earlier processes have left on disk for a store: finding it, and delivering it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overthink.tracking.journal import Journal, first_entry
from overthink.tracking.uri import identity, journals_folder

if TYPE_CHECKING:
    from overthink.tracking.delivery import Delivery
    from overthink.tracking.store import Store
    from overthink.tracking.writer import Writer


@dataclass
class Delivered:
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
            yield f"{count} more wait for the store {store}; MLFLOW_TRACKING_URI says which one is meant."


def journals(uri: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the journals for a store, and how each begins, in the order in which they were begun."""
    for folder, body in _all():
        if body["store"] == identity(uri):
            yield folder, body


def anything_waits(uri: str) -> bool:
    """Tell whether an ended process has left something for a store."""
    return any(_is_left(folder) for folder, _ in journals(uri))


def waiting_keys(uri: str) -> set[str]:
    """Return the keys of runs that an ended process has left something of."""
    return {body["run_key"] for folder, body in journals(uri) if _is_left(folder)}


def deliver_waiting(store: "Store", writer: "Writer") -> Delivered:
    """Tell a store what ended processes have left for it. Journals that a process is at are that one's to deliver."""
    from overthink.tracking.delivery import Delivery

    done, delivery = Delivered(), Delivery(store, writer)
    silent = ""
    for folder, body in _all():
        if (journal := Journal.take(folder)) is None:
            continue
        if body["store"] != identity(store.uri):
            done.elsewhere[body["store"]] = done.elsewhere.get(body["store"], 0) + 1
        elif silent:
            done.left[body["run_key"]] = silent
        else:
            silent = _deliver(journal, body, delivery, done)
        journal.release()
    return done


def _deliver(journal: Journal, body: dict[str, Any], delivery: "Delivery", done: Delivered) -> str:
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
    root = journals_folder()
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        body = first_entry(folder)
        if body is not None and {"store", "run_key", "name", "handle"} <= body.keys():
            yield folder, body
