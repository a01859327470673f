"""Handles: names of runs before the store has given them ids, and what stands for an id or a link in a tag.

A run that is in the store already is named by its id; a new one by `attempt-` and 32 hexadecimal digits, which it also
has as a tag, so that it is found again.
"""

import hashlib
import re

from overthink.outbox.entries import Begin
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.finding import find_runs
from overthink.store.reader import active_run, deleted_attempt
from overthink.store.stored import StoredRun
from overthink.store.view import FIGURES, run_link

ATTEMPT = "attempt-"
"""Begins the handle of a run that has no id in the store yet."""
_HANDLES = re.compile(r"\[\[(id|link|pages) ((?:attempt-)?[0-9a-f]{32})\]\]")


def id_of(handle: str) -> str:
    """Return a placeholder for a run's id in a tag."""
    return f"[[id {handle}]]"


def link_to(handle: str) -> str:
    """Return a placeholder for a Markdown link to a run in a tag."""
    return f"[[link {handle}]]"


def pages_of(handle: str) -> str:
    """Return a placeholder for Markdown links to a run's figures and to its group in a tag."""
    return f"[[pages {handle}]]"


def without_handles(text: str) -> str:
    """Return a text that somebody has written, such as the source of an import, with no placeholder in it."""
    return _HANDLES.sub(lambda found: f"[ {found[0][1:]}", text)


def next_handle(begin: Begin, run_id: str) -> str:
    """Return the handle of the run that is made instead of one; the same after a crash."""
    name = f"{run_id} {begin.handle} {begin.time_ms} {sorted(begin.alive.items())}"
    return ATTEMPT + hashlib.sha256(name.encode()).hexdigest()[:32]


class Handles:
    """The ids of runs of one store, by their handles."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ids: dict[str, str] = {}

    def forget(self) -> None:
        """Forget the ids: another database is in the store's place."""
        self._ids.clear()

    def know(self, handle: str, run_id: str, replaced: str | None) -> None:
        """Remember the id of a run, also for the handles of one that it replaces."""
        self._ids[handle] = run_id
        if replaced:
            of_replaced = [handle for handle, its in self._ids.items() if its == replaced]
            self._ids |= dict.fromkeys([replaced, *of_replaced], run_id)

    def runs_of(self, handle: str) -> list[StoredRun]:
        """Return the runs that were made for a handle; several where the store repeated a request."""
        return sorted(find_runs(self._store, attempt=handle), key=lambda run: run.run_id)

    def id(self, handle: str) -> str:
        """Return the id of the run that counts, or is in the trash; raises StoreError where it is not there yet."""
        if handle not in self._ids:
            run_id = handle
            if handle.startswith(ATTEMPT):
                found = self.runs_of(handle)
                run_id = found[0].run_id if found else deleted_attempt(self._store, handle) or ""
            if not run_id:
                raise StoreError(f"store {self._store.shown}: it does not have run {handle} yet")
            counting = find_runs(self._store, replaces=run_id)
            self._ids[handle] = counting[0].run_id if counting else run_id
        return self._ids[handle]

    def resolved(self, text: str) -> str:
        """Return a text with the store's ids and links in the place of handles."""
        return _HANDLES.sub(lambda found: self._written(found[1], found[2]), text)

    def _written(self, kind: str, handle: str) -> str:
        run_id = self.id(handle)
        if kind == "id":
            return run_id
        run = active_run(self._store, run_id)
        if run is None:  # deleted; the text still holds
            return f"run {run_id[:8]}"
        return _link(run) if kind == "link" else _pages(run)


def _link(run: StoredRun) -> str:
    return f"[run {run.run_id[:8]}]({run_link(run.experiment_id, run.run_id)})"


def _pages(run: StoredRun) -> str:
    figures = f"[Figures]({run_link(run.experiment_id, run.run_id, FIGURES)})"
    return f"{figures} of this run; [all seeds]({run_link(run.experiment_id, run.group_id)}) together."
