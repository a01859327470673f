"""Delivers what runs tell while they train, beside the training, and keeps trying while the store is away."""

import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import NamedTuple

from overthink.outbox.run_logger import RunLogger, RunStart
from overthink.outbox.uploader import Uploader
from overthink.settings import patience_seconds
from overthink.store.client import Store, StoreError
from overthink.store.group import GroupRef, GroupSpec
from overthink.store.liveness import BEAT_SECONDS
from overthink.store.uri import is_server
from overthink.store.writer import Writer

GATHER_SECONDS = 3.0
"""Epochs of so long a time go to the store together."""
LONGEST_PAUSE_SECONDS = 60.0
PATIENCE_SECONDS = 60.0
"""How long the end of a launch waits for a store that takes nothing."""
HURRY_SECONDS = 0.5
"""The longest pause while a launch waits for its end."""


class Trouble(NamedTuple):
    """Why a journal could not be delivered the last time, and when to try again."""

    reason: str
    pause: float
    again_at: float
    """On the monotonic clock, in seconds."""


class PendingUploads(NamedTuple):
    """What is still on disk alone."""

    runs: dict[str, str]
    """Run key -> why."""
    entries: int

    def __str__(self) -> str:
        """Say it in one sentence."""
        runs = f"{len(self.runs)} run{'s are' if len(self.runs) > 1 else ' is'}"
        return (
            f"{runs} not whole in the store yet ({self.entries} entries wait: {next(iter(self.runs.values()))}); "
            "`overthink sync` delivers them, and so does the next command"
        )


class OutboxSender:
    """One thread that delivers; `say` hears a sentence when the store goes away, and when it is back."""

    def __init__(self, store: Store, writer: Writer, say: Callable[[str], None]) -> None:
        self._store = store
        self._writer = writer
        self._say = say
        self._delivery = Uploader(store, writer)
        self._accounts: list[RunLogger] = []
        self._held: set[RunLogger] = set()
        """Those whose files somebody still needs."""
        self._troubles: dict[RunLogger, Trouble] = {}
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._beaten = time.monotonic()
        self._urgent = self._hurry = self._stopping = self._away = self._told_so = False

    @property
    def reaches_far(self) -> bool:
        """Whether other machines may have the same store."""
        return is_server(self._store.uri)

    def begin(self, beginning: RunStart, held: bool = False) -> RunLogger:
        """Open the account of a run; `held` keeps its files until `stop`, for runs that build on it."""
        account = RunLogger.begin(beginning, self._store.uri, self._writer, self._hear)
        with self._condition:
            self._accounts.append(account)
            if held:
                self._held.add(account)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="courier", daemon=True)
                self._thread.start()
        self._hear(urgent=True)
        return account

    def leave(self, place: GroupSpec) -> GroupRef | None:
        """Return where a place is in the store, if a run was begun there; no more is said of the group from here."""
        return self._delivery.places.pop(place.key, None)

    def wait(self, patience: float = PATIENCE_SECONDS, keys: Collection[str] | None = None) -> PendingUploads | None:
        """Wait until the store has everything, or all of some runs, or has taken nothing for so many seconds.

        Returns what is left. OVERTHINK_PATIENCE, in seconds, makes it wait less.
        """
        limit = min(patience, patience_seconds())
        with self._condition:
            self._hurry = self._urgent = True
            self._condition.notify_all()
            before, since = self._left(keys), time.monotonic()
            while (left := self._left(keys)) and time.monotonic() - since < limit:
                if _amount(left) != _amount(before):
                    before, since = left, time.monotonic()
                self._condition.wait(min(limit, 0.2))
            self._hurry = False
            return left

    def stop(self) -> None:
        """Stop delivering. What is left stays on disk, for `overthink sync`."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=1.0)  # a store that hangs does not keep the command

    def _hear(self, urgent: bool) -> None:
        with self._condition:
            self._urgent |= urgent
            self._condition.notify_all()

    def _left(self, keys: Collection[str] | None = None) -> PendingUploads | None:
        accounts = [
            account
            for account in self._accounts
            if account.journal.waiting and (keys is None or account.run_key in keys)
        ]
        reasons = {
            account.run_key: self._troubles[account].reason if account in self._troubles else "not sent yet"
            for account in accounts
        }
        return PendingUploads(reasons, sum(account.journal.waiting for account in accounts)) if accounts else None

    def _work(self) -> None:
        pause = GATHER_SECONDS
        while not self._stopping:
            self._round()
            self._beat()
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS) if self._away else GATHER_SECONDS
            self._rest(pause)
        for account in self._accounts:
            if account.journal.ended:
                account.journal.remove()
            else:
                account.journal.release()

    def _rest(self, pause: float) -> None:
        """Pause; not for long while somebody waits, and not at all where something is urgent and the store answers."""
        started = time.monotonic()
        with self._condition:
            while not self._stopping and not (self._urgent and not self._away):
                left = started + (min(pause, HURRY_SECONDS) if self._hurry else pause) - time.monotonic()
                if left <= 0:
                    break
                self._condition.wait(left)
            self._urgent = False

    def _round(self) -> None:
        """Deliver what each journal has, until the store does not answer."""
        with self._condition:
            accounts = list(self._accounts)
        self._away = False
        for account in accounts:
            trouble = self._troubles.get(account)
            due = trouble is None or self._hurry or time.monotonic() >= trouble.again_at
            if account.journal.waiting and due and not self._away and not self._stopping:
                self._deliver(account)
            self._beat()
        self._tell_news()

    def _deliver(self, account: RunLogger) -> None:
        try:
            before = account.journal in self._delivery.anothers
            self._delivery.deliver(account.journal)
            if not before and account.journal in self._delivery.anothers:
                self._say(f"another process has taken run {account.run_key} up; what this one tells of it is left out")
        except Exception as error:  # noqa: BLE001 - a defect here must not end the thread: the journal stays, and waits
            pause = 2 * self._troubles[account].pause if account in self._troubles else GATHER_SECONDS
            again = min(pause, LONGEST_PAUSE_SECONDS)
            self._troubles[account] = Trouble(str(error) or type(error).__name__, again, time.monotonic() + again)
            self._away = not self._delivery.answers()
            return
        with self._condition:
            self._troubles.pop(account, None)
            if account.journal.ended and account not in self._held:
                account.journal.remove()
                self._accounts.remove(account)
            self._condition.notify_all()

    def _tell_news(self) -> None:
        with self._condition:
            left = self._left()
        if self._troubles and left and not self._told_so:
            self._told_so = True
            reason = next(iter(self._troubles.values())).reason
            what = "does not answer" if self._away else "does not take what a run tells"
            self._say(f"the store {what}; runs go on, {left.entries} entries wait ({reason})")
        elif self._told_so and not self._troubles:
            self._told_so = False
            self._say("the store has everything again")

    def _beat(self) -> None:
        """Say of what is at work that it is, once a minute, also between long deliveries."""
        if self._away or time.monotonic() - self._beaten < BEAT_SECONDS:
            return
        self._beaten = time.monotonic()
        journals = [account.journal for account in list(self._accounts)]
        running = [journal.run_id for journal in journals if journal.run_id is not None and not journal.ended]
        groups = [place.group_id for place in list(self._delivery.places.values())]
        with suppress(StoreError):  # the next one may reach it again
            self._writer.beat([*running, *groups])


def _amount(left: PendingUploads | None) -> tuple[int, int]:
    """Return how much is left; the reasons may change without anything getting better."""
    return (len(left.runs), left.entries) if left is not None else (0, 0)
