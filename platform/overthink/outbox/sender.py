"""Uploads what runs log while they train, in a background thread, and retries while the store is unreachable."""

import threading
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import NamedTuple

from overthink.outbox.journal_logger import JournalLogger
from overthink.outbox.run_logger import RunStart
from overthink.outbox.uploader import Uploader
from overthink.settings import patience_seconds
from overthink.store.client import Store
from overthink.store.connection import GONE
from overthink.store.errors import StoreError
from overthink.store.group import GroupRef
from overthink.store.group_spec import GroupSpec
from overthink.store.liveness import HEARTBEAT_SECONDS
from overthink.store.uri import is_server
from overthink.store.writer import Writer

GATHER_SECONDS = 3.0
"""Epochs of so long a time are uploaded together."""
LONGEST_PAUSE_SECONDS = 60.0
PATIENCE_SECONDS = 60.0
"""How long the end of a launch waits for a store that takes nothing."""
FLUSH_PAUSE_SECONDS = 0.5
"""The longest pause while a launch waits for its end."""


class Failure(NamedTuple):
    """Why a journal could not be uploaded the last time, and when to retry."""

    reason: str
    pause: float
    retry_at: float
    """On the monotonic clock, in seconds."""


class PendingUploads(NamedTuple):
    """What is still on disk alone."""

    runs: dict[str, str]
    """Run key -> why."""
    entries: int

    def __str__(self) -> str:
        """Return one sentence about it."""
        runs = f"{len(self.runs)} run{'s' if len(self.runs) > 1 else ''}"
        return (
            f"{runs} not fully uploaded ({self.entries} entries queued: {next(iter(self.runs.values()))}); "
            "`overthink sync` uploads them, and so does the next command"
        )


class OutboxSender:
    """A background thread that uploads; `on_message` gets a sentence when the store is unreachable, and afterwards.

    `heartbeat` is called once a minute, where the caller has something of its own to keep alive.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        on_message: Callable[[str], None],
        heartbeat: Callable[[], None] | None = None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._on_message = on_message
        self._own_heartbeat = [] if heartbeat is None else [heartbeat]
        self._uploader = Uploader(store, writer)
        self._loggers: list[JournalLogger] = []
        self._held: set[JournalLogger] = set()
        """Those with files that other runs still need."""
        self._failures: dict[JournalLogger, Failure] = {}
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._last_heartbeat = time.monotonic()
        self._at_end: Callable[[], None] = lambda: None
        self._urgent = self._flushing = self._stopping = self._unreachable = self._reported = False

    @property
    def is_shared(self) -> bool:
        """Whether other machines may have the same store."""
        return is_server(self._store.uri)

    def begin(self, start: RunStart, held: bool = False) -> JournalLogger:
        """Return the logger of a run that begins; `held` keeps its files until `stop`, for runs that build on it."""
        logger = JournalLogger.begin(start, self._store.uri, self._wake)
        with self._condition:
            self._loggers.append(logger)
            if held:
                self._held.add(logger)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="outbox sender", daemon=True)
                self._thread.start()
        self._wake(urgent=True)
        return logger

    def release_group(self, group: GroupSpec) -> GroupRef | None:
        """Return a group in the store, if a run was begun in it; it gets no more heartbeats from here."""
        # The thread may be uploading: it looks groups up with one `get`, so that nothing is missing in between.
        return self._uploader.groups.pop(group.key, None)

    def wait(self, patience: float = PATIENCE_SECONDS, keys: Collection[str] | None = None) -> PendingUploads | None:
        """Wait until everything is uploaded, or all of some runs, or nothing was for so many seconds.

        Returns what is left. OVERTHINK_PATIENCE, in seconds, makes it wait less.
        """
        limit = min(patience, patience_seconds())
        with self._store.waiting(), self._condition:
            self._flushing = self._urgent = True
            self._condition.notify_all()
            before, since = self._pending(keys), time.monotonic()
            while (pending := self._pending(keys)) and time.monotonic() - since < limit and not self._store.is_gone:
                if _amount(pending) != _amount(before):
                    before, since = pending, time.monotonic()
                self._condition.wait(min(limit, 0.2))
            self._flushing = False
            return pending

    def stop(self, at_end: Callable[[], None] = lambda: None) -> None:
        """Stop uploading, and call `at_end`. What is left stays on disk, for `overthink sync`.

        A store that hangs does not keep the command: then `at_end` is called later, by the thread that uploads.
        """
        with self._condition:
            self._stopping, self._at_end = True, at_end
            self._condition.notify_all()
        if self._thread is None:
            at_end()
        else:
            self._thread.join(timeout=1.0)

    def _wake(self, urgent: bool) -> None:
        with self._condition:
            self._urgent |= urgent
            self._condition.notify_all()

    def _pending(self, keys: Collection[str] | None = None) -> PendingUploads | None:
        loggers = [
            logger for logger in self._loggers if logger.journal.waiting and (keys is None or logger.run_key in keys)
        ]
        waiting = GONE if self._store.is_gone else "not uploaded yet"
        reasons = {
            logger.run_key: self._failures[logger].reason if logger in self._failures else waiting for logger in loggers
        }
        return PendingUploads(reasons, sum(logger.journal.waiting for logger in loggers)) if loggers else None

    def _work(self) -> None:
        pause = GATHER_SECONDS
        while not self._stopping:
            self._round()
            self._heartbeat()
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS) if self._unreachable else GATHER_SECONDS
            self._rest(pause)
        try:
            for logger in self._loggers:
                if logger.journal.ended:
                    logger.journal.remove()
                else:
                    logger.journal.release()
        finally:
            self._at_end()

    def _rest(self, pause: float) -> None:
        """Pause; a short time while a launch waits, and not at all where something is urgent and the store answers."""
        started = time.monotonic()
        with self._condition:
            while not self._stopping and not (self._urgent and not self._unreachable):
                rest = started + (min(pause, FLUSH_PAUSE_SECONDS) if self._flushing else pause) - time.monotonic()
                if rest <= 0:
                    break
                self._condition.wait(rest)
            self._urgent = False

    def _round(self) -> None:
        """Upload what each journal has, until the store is unreachable."""
        with self._condition:
            loggers = list(self._loggers)
        self._unreachable = False
        for logger in loggers:
            failure = self._failures.get(logger)
            due = failure is None or self._flushing or time.monotonic() >= failure.retry_at
            if logger.journal.waiting and due and not self._unreachable and not self._stopping:
                self._upload(logger)
            self._heartbeat()
        self._report()

    def _upload(self, logger: JournalLogger) -> None:
        try:
            before = logger.journal in self._uploader.discarded
            self._uploader.upload(logger.journal)
            if not before and logger.journal in self._uploader.discarded:
                self._on_message(f"another process has finished run {logger.run_key}; what this one logs is discarded")
        except Exception as error:  # noqa: BLE001 - a defect here must not end the thread: the journal stays, and is retried
            pause = 2 * self._failures[logger].pause if logger in self._failures else GATHER_SECONDS
            pause = min(pause, LONGEST_PAUSE_SECONDS)
            self._failures[logger] = Failure(str(error) or type(error).__name__, pause, time.monotonic() + pause)
            self._unreachable = not self._uploader.is_reachable()
            return
        with self._condition:
            self._failures.pop(logger, None)
            if logger.journal.ended and logger not in self._held:
                logger.journal.remove()
                self._loggers.remove(logger)
            self._condition.notify_all()

    def _report(self) -> None:
        with self._condition:
            pending = self._pending()
        if self._failures and pending and not self._reported:
            self._reported = True
            reason = next(iter(self._failures.values())).reason
            what = "the store is unreachable" if self._unreachable else "a run cannot be uploaded"
            self._on_message(f"{what}; training continues, {pending.entries} entries queued ({reason})")
        elif self._reported and not self._failures:
            self._reported = False
            self._on_message("everything is uploaded again")

    def _heartbeat(self) -> None:
        """Renew the heartbeats of what is running, once a minute, also between long uploads.

        Somebody may have deleted one of these runs or groups; the others still count as alive.
        """
        if self._unreachable or time.monotonic() - self._last_heartbeat < HEARTBEAT_SECONDS:
            return
        self._last_heartbeat = time.monotonic()
        journals = [logger.journal for logger in list(self._loggers) if not logger.journal.ended]
        groups = [group.group_id for group in list(self._uploader.groups.values())]
        of_runs = [partial(self._uploader.heartbeat, journal) for journal in journals]
        of_groups = [partial(self._writer.heartbeat, [group_id]) for group_id in groups]
        beats: list[Callable[[], None]] = [*self._own_heartbeat, *of_runs, *of_groups]
        for beat in beats:
            try:
                beat()
            except (StoreError, OSError, ValueError):
                if not self._uploader.is_reachable():  # the next heartbeat may reach it again
                    return


def _amount(pending: PendingUploads | None) -> tuple[int, int]:
    """Return how much is pending; the reasons may change without anything getting better."""
    return (len(pending.runs), pending.entries) if pending is not None else (0, 0)
