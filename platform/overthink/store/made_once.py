"""What processes share is made by one of them, although MLflow cannot make a run only where there is none yet.

To look, make and look again is not enough: a run that a busy server stores late may be the older one of two, and the
other process has looked by then, and uses its own.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from overthink.store.claims import PAUSE_SECONDS, Claims
from overthink.store.client import Store
from overthink.store.errors import StoreError

T = TypeVar("T")

LONGEST_WAIT_SECONDS = 30.0
"""How long another process may take to make it; then it counts as stuck, and is waited for no longer."""


def made_once(store: Store, experiment_id: str, name: str, find: Callable[[], T | None], make: Callable[[], T]) -> T:
    """Return what `find` finds; of the processes to which it returns None at once, one calls `make`, the others wait.

    `name` tells what is made from all else in the store. Raises StoreError.
    """
    found = find()
    if found is not None:
        return found
    claims, until = Claims(store), time.monotonic() + LONGEST_WAIT_SECONDS
    try:
        while not claims.claim(experiment_id, [name]) and time.monotonic() < until:
            time.sleep(PAUSE_SECONDS)
            found = find()
            if found is not None:
                return found
        found = find()
        return make() if found is None else found
    finally:
        with suppress(StoreError):  # then it counts until this process ends, or for the longest wait of the others
            claims.close()
