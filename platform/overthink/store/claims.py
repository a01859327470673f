"""Claims: which process is going to train which runs, in the store, before any of them is there.

A claim is a tag of an experiment with a name of its own, so no process overwrites another's. A process writes its
claim, looks at the others, confirms its own, and looks again. Where two want the same run, one that is confirmed
already wins, else the one of the lower name. So one process gets a run, as long as the store shows what it has
accepted, as databases and MLflow's server do. The claim of a process that is gone counts no longer.
"""

import json
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from overthink.store import tags
from overthink.store.errors import StoreError
from overthink.store.liveness import RunProcess, alive_tags, is_gone
from overthink.store.readable_store import ReadableStore

if TYPE_CHECKING:
    from overthink.store.client import Store

PREFIX = tags.named("claim.")
KEYS_A_CLAIM = 100
"""Run keys in one tag: MLflow keeps 5000 characters."""
UNDECIDED_SECONDS = 30.0
"""How long a process waits until another one confirms its claim or gives it up; then it counts as confirmed."""
PAUSE_SECONDS = 0.2


class _Other(NamedTuple):
    """Another process's claim."""

    name: str
    process: RunProcess
    confirmed: bool
    keys: frozenset[str]


@dataclass
class _Own:
    """A claim of this process."""

    experiment_id: str
    keys: set[str]
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    confirmed: bool = False


class Claims:
    """The claims of this process on runs of one store."""

    def __init__(self, store: "Store") -> None:
        self.store = store
        self._own: list[_Own] = []

    def claim(self, experiment_id: str, keys: Sequence[str]) -> set[str]:
        """Claim runs by their keys; return the keys of those that this process may train. Raises StoreError."""
        parts = [keys[start : start + KEYS_A_CLAIM] for start in range(0, len(keys), KEYS_A_CLAIM)]
        return set[str]().union(*(self._claimed(_Own(experiment_id, set(part))) for part in parts))

    def release(self, key: str) -> None:
        """Give up a run. Raises StoreError."""
        for own in [own for own in self._own if key in own.keys]:
            own.keys.remove(key)
            self._write(own)

    def close(self) -> None:
        """Give up all runs. Raises StoreError."""
        for own in list(self._own):
            own.keys.clear()
            self._write(own)

    def heartbeat(self) -> None:
        """Tell other processes that this one is alive. Raises StoreError where the store is unreachable."""
        for own in list(self._own):
            try:
                self._write(own)
            except StoreError:  # its experiment was deleted
                self.store.ping()

    def _claimed(self, own: _Own) -> set[str]:
        self._own.append(own)
        self._write(own)
        own.keys -= self._lost(own, confirmed_win=True)
        own.confirmed = True
        self._write(own)
        if own.keys and (lost := self._lost(own, confirmed_win=False)):
            own.keys -= lost
            self._write(own)
        return set(own.keys)

    def _lost(self, own: _Own, confirmed_win: bool) -> set[str]:
        """Return the keys that other processes get: of lower claims, and of all confirmed ones if those win."""
        until = time.monotonic() + UNDECIDED_SECONDS
        while True:
            others = [other for other in self._others() if other.keys & own.keys]
            before = [other for other in others if other.name < own.name]
            if all(other.confirmed for other in before) or time.monotonic() >= until:
                winners = before + [other for other in others if confirmed_win and other.confirmed]
                return own.keys & frozenset[str]().union(*(other.keys for other in winners))
            time.sleep(PAUSE_SECONDS)

    def _others(self) -> Iterator[_Other]:
        mine = {own.name for own in self._own}
        for name, text in self.store.experiment_tags(PREFIX):
            if name not in mine and (other := _parsed(name, text)) is not None:
                yield other

    def _write(self, own: _Own) -> None:
        """Bring a claim's tag up to date; without a run it is removed."""
        if own.keys:
            claim = {**alive_tags(), "confirmed": own.confirmed, "keys": sorted(own.keys)}
            self.store.tag_experiment(own.experiment_id, PREFIX + own.name, json.dumps(claim))
            return
        self.store.tag_experiment(own.experiment_id, PREFIX + own.name, None)
        self._own = [other for other in self._own if other is not own]


def claimed_keys(store: ReadableStore) -> set[str]:
    """Return the keys of the runs that processes which are alive have claimed. Raises StoreError."""
    claims = (_parsed(name, text) for name, text in store.experiment_tags(PREFIX))
    return {key for claim in claims if claim is not None for key in claim.keys}


def keys_in_claims(texts: Iterable[str]) -> set[str] | None:
    """Return the keys of the runs that claims name; None where one is of a process that is gone, and to be removed."""
    claims = [claim for text in texts if (claim := _read("", text)) is not None]
    if any(is_gone(claim.process) for claim in claims):
        return None
    return {key for claim in claims for key in claim.keys}


def remove_abandoned(store: "Store") -> None:
    """Remove the claims of processes that are gone; nobody else does. Raises StoreError."""
    store.remove_experiment_tags(PREFIX, lambda text: (claim := _read("", text)) is not None and is_gone(claim.process))


def _parsed(name: str, text: str) -> _Other | None:
    """Return another process's claim; None where it is unreadable, or its process is gone."""
    claim = _read(name, text)
    return None if claim is None or claim.process.is_from_the_future or is_gone(claim.process) else claim


def _read(name: str, text: str) -> _Other | None:
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
        if isinstance(found, dict) and isinstance(found.get("keys"), list):
            process = RunProcess.of({key: value for key, value in found.items() if isinstance(value, str)})
            if process.heartbeat is not None:
                return _Other(name, process, found.get("confirmed") is True, frozenset(_texts(found["keys"])))
    return None


def _texts(values: Iterable[object]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))
