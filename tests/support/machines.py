"""Machines and working directories that share a store, played one after another by the process of a test."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def machine(name: str, folder: Path, clock: float = 0.0) -> Iterator[None]:
    """Be another process, on a machine and with a state folder of its own; its clock is `clock` seconds ahead.

    What it leaves is of a process that has ended, once this is left.
    """
    now = time.time
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERTHINK_STATE", str(folder / name))
        patch.setattr("overthink.store.liveness.this_host", lambda: name)
        patch.setattr("overthink.store.liveness.this_process", lambda: f"{os.getpid()}@{name}")
        patch.setattr("overthink.store.liveness._is_alive", lambda process: process == f"{os.getpid()}@{name}")
        patch.setattr("time.time", lambda: now() + clock)
        yield
