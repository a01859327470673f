"""A block that only one process enters at a time: MLflow can neither make a run where there is none, nor add to a tag.

To look, write and look again is not enough: what a busy server stores late may be the older one of two, and the other
process has looked by then.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from overthink.store.claims import PAUSE_SECONDS, Claims
from overthink.store.client import Store
from overthink.store.errors import StoreError

LONGEST_WAIT_SECONDS = 150.0
"""How long another process is waited for that is alive; MLflow's client repeats one request for as long."""
_not_given_up: list[Claims] = []
"""Claims of this process that the store could not be asked to forget; they keep others waiting, and this one too."""


@contextmanager
def one_at_a_time(store: Store, experiment_id: str, name: str) -> Iterator[None]:
    """Keep every other process, and thread, out of blocks of the same name in this store. Raises StoreError."""
    _give_up(_not_given_up)
    claims, until = Claims(store), time.monotonic() + LONGEST_WAIT_SECONDS
    try:
        while not claims.claim(experiment_id, [name]) and time.monotonic() < until:
            time.sleep(PAUSE_SECONDS)
        yield
    finally:
        _give_up([claims])


def _give_up(claims: list[Claims]) -> None:
    for one in list(claims):
        try:
            one.close()
        except StoreError:
            if one not in _not_given_up:
                _not_given_up.append(one)
            continue
        if one in _not_given_up:
            _not_given_up.remove(one)
