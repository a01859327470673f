"""TrialReporter a store what a journal holds: entry by entry, and nothing twice.

A reply that is lost leaves open whether the store has heard. Told again: metrics carry the time at which they were
taken, and the store keeps equal ones once; tags, parameters, files and the end are what they were; a run is looked
for by the name it had in its journal before it is made again, and one that was made twice all the same is found at
its end.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from overthink.outbox.journal import Entry, Journal, first_entry
from overthink.store import tags
from overthink.store.client import Store, StoreError
from overthink.store.group import GroupRef, GroupSpec, ensure_group
from overthink.store.liveness import BEAT_SECONDS, RunProcess, taken_over
from overthink.store.reader import find_runs, run_of
from overthink.store.stored import StoredRun
from overthink.store.writer import Value, Writer

ATTEMPT = "attempt-"
"""Begins the name of a run that has no id in the store yet."""
_NAMED = re.compile(r"\[\[(id|link) ((?:attempt-)?[0-9a-f]{32})\]\]")


def id_of(handle: str) -> str:
    """Return what stands in a tag for a run's id."""
    return f"[[id {handle}]]"


def link_to(handle: str) -> str:
    """Return what stands in a tag for a Markdown link to a run."""
    return f"[[link {handle}]]"


class Uploader:
    """Tells one store; remembers what it has seen of it."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer
        self.places: dict[tuple[str, str], GroupRef] = {}
        """Places that runs were begun in, by their keys."""
        self._ids: dict[str, str] = {}
        self.anothers: set[Journal] = set()
        """Those whose runs another process has taken up; what they hold is left out."""
        self._seen: dict[Journal, float] = {}
        """When a run was last known to be its journal's own, on the monotonic clock, in seconds."""
        self._doubtful: set[str] = set()
        """Runs that were asked for, and nobody knows whether the store has heard."""

    def deliver(self, journal: Journal) -> int:
        """Tell the store what it has not heard, in order; return how many entries that was.

        Raises StoreError where it does not take them, OSError and ValueError where a file cannot be read or kept.
        """
        told = 0
        if self._is_anothers(journal):
            self.anothers.add(journal)
        for together in _together(journal.entries()):
            if journal not in self.anothers:
                self._tell(journal, together)
                told += len(together)
            journal.acknowledge(together[-1])
        return told

    def _is_anothers(self, journal: Journal) -> bool:
        """Tell whether another process has taken a run up, as may happen while this one's machine is cut off.

        It went on from a checkpoint, and tells of every epoch itself: what this journal holds would spoil that.
        """
        if journal.fresh and time.monotonic() - self._seen.get(journal, time.monotonic()) < BEAT_SECONDS:
            self._seen.setdefault(journal, time.monotonic())
            return False
        self._seen[journal] = time.monotonic()
        begin = first_entry(journal.folder) or {}
        run_id = journal.run_id or begin.get("run_id")
        return run_id is not None and taken_over(
            run_of(self._store, run_id).process, RunProcess.of(begin.get("alive", {}))
        )

    def answers(self) -> bool:
        """Tell whether the store answers at all."""
        try:
            self._store.ask()
        except StoreError:
            return False
        return True

    def _tell(self, journal: Journal, together: Sequence[Entry]) -> None:
        first = together[0]
        if first.do == "begin":
            journal.run_id = self._begun(journal, first.body)
            return
        if journal.run_id is None:
            raise ValueError(f"{journal.folder}: it does not begin with a run")
        match first.do:
            case "log":
                self._log(journal.run_id, [entry.body for entry in together])
            case "dataset":
                self._writer.dataset(journal.run_id, **first.body)
            case "files":
                files = [journal.file(name) for name in first.body["files"]]
                self._writer.artifacts(journal.run_id, files, first.body["folder"])
            case "mention":
                self._mention(journal.run_id, **first.body)
            case "close":
                self._close(journal, **first.body)
            case unknown:
                raise ValueError(f"{journal.folder}: nobody knows what {unknown!r} is; update overthink")

    def _begun(self, journal: Journal, body: dict[str, Any]) -> str:
        place = GroupSpec(**{**body["place"], "seeds": tuple(body["place"]["seeds"])})
        if place.key not in self.places:
            self.places[place.key] = ensure_group(self._store, self._writer, place, work=True)
        experiment_id, group_id, _ = self.places[place.key]
        if body["run_id"] is not None:
            self._writer.revive(body["run_id"], body["alive"])
            self._writer.log(body["run_id"], run_tags={"mlflow.parentRunId": group_id})
            return str(body["run_id"])
        handle, found = body["handle"], None
        if handle in self._doubtful or not journal.fresh:
            found = next(iter(self._of_attempt(handle)), None)
        if found is None:
            self._doubtful.add(handle)
            run_tags = {**body["tags"], tags.ATTEMPT: handle, "mlflow.parentRunId": group_id}
            run_id = self._writer.create(experiment_id, body["name"], run_tags, {}, body["time_ms"], body["alive"])
        else:
            run_id = found.run_id
        self._ids[handle] = run_id
        return run_id

    def _of_attempt(self, handle: str) -> list[StoredRun]:
        return sorted(find_runs(self._store, attempt=handle), key=lambda run: run.run_id)

    def _log(self, run_id: str, bodies: Sequence[dict[str, Any]]) -> None:
        """Write entries in one go; those with a marker only at steps where the store does not have it."""
        marker = bodies[0]["unless_there"]
        known = self._writer.logged_steps(run_id, marker) if marker is not None else set()
        values: list[Value] = []
        params: dict[str, str] = {}
        run_tags: dict[str, str] = {}
        for body in bodies:
            if body["step"] not in known:
                # The marker last: should only half of them arrive, the step is told again.
                metrics = sorted(body["metrics"].items(), key=lambda metric: metric[0] == marker)
                values += [Value(key, value, body["step"], body["time_ms"]) for key, value in metrics]
            params |= body["params"]
            run_tags |= {key: self._named(value) for key, value in body["tags"].items()}
        if values or params or run_tags:
            self._writer.write(run_id, values, params, run_tags)

    def _mention(self, run_id: str, of: str, tag: str, note: str) -> None:
        """Add this run to those that another one names in a tag, and in its description."""
        other = run_of(self._store, self._id(of))
        known = other.policy_run_ids  # of the one tag that lists runs
        if run_id not in known:
            said = other.note + "\n\n" + self._named(note)
            self._writer.log(other.run_id, run_tags={tag: " ".join([*known, run_id]), "mlflow.note.content": said})

    def _close(self, journal: Journal, outcome: str, message: str, time_ms: int, handle: str) -> None:
        assert journal.run_id is not None
        self.only_one(handle, journal.run_id)
        self._writer.close(journal.run_id, outcome, message, time_ms)

    def only_one(self, handle: str, run_id: str) -> None:
        """Put twins of a run into the trash: MLflow's client repeats requests by itself, and a busy server is late."""
        if handle.startswith(ATTEMPT) and self._store.uri.startswith("http"):
            for twin in self._of_attempt(handle):
                if twin.run_id != run_id:
                    self._writer.delete(twin.run_id)

    def _named(self, text: str) -> str:
        """Put ids and links where only names could stand while the text was written."""
        says: dict[str, Callable[[str], str]] = {"id": self._id, "link": self._link}
        return _NAMED.sub(lambda found: says[found[1]](found[2]), text)

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


def _together(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Put entries that one request can carry together, in their order."""
    waiting: list[Entry] = []
    for entry in entries:
        if waiting and not _alike(waiting[0], entry):
            yield waiting
            waiting = []
        waiting.append(entry)
    if waiting:
        yield waiting


def _alike(first: Entry, second: Entry) -> bool:
    return first.do == second.do == "log" and first.body["unless_there"] == second.body["unless_there"]
