"""A block that only one process enters at a time: MLflow can neither make a run where there is none, nor add to a tag.

To look, write and look again is not enough: what a busy server stores late may be the older one of two, and the other
process has looked by then.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from overthink.store.claims import PAUSE_SECONDS, Claims
from overthink.store.client import Store
from overthink.store.errors import StoreError

LONGEST_WAIT_SECONDS = 150.0
"""How long another process is waited for that is alive; MLflow's client repeats one request for as long."""
_to_give_up: set[Claims] = set()
"""Claims of this process that are no longer needed; while the store is unreachable, they stay, and keep others waiting.
"""


@contextmanager
def one_at_a_time(store: Store, experiment_id: str, name: str) -> Iterator[None]:
    """Keep every other process, and thread, out of blocks of the same name in this store. Raises StoreError."""
    _give_up()
    claims, until = Claims(store), time.monotonic() + LONGEST_WAIT_SECONDS
    try:
        while not claims.claim(experiment_id, [name]) and time.monotonic() < until:
            time.sleep(PAUSE_SECONDS)
        yield
    finally:
        _to_give_up.add(claims)
        _give_up()


def _give_up() -> None:
    for claims in list(_to_give_up):
        with suppress(StoreError):
            claims.close()
            _to_give_up.discard(claims)
