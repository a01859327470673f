"""Being a process on another machine, with a clock of its own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from overthink.store import liveness


@contextmanager
def machine(name: str, clock: float) -> Iterator[None]:
    """Be a process of a machine, with its identity and clock; its processes are seen there alone."""
    now = time.time
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: now() + clock)
        patch.setattr(liveness, "_namespace", lambda: name)
        for constant in ("MACHINE_ID", "BOOT_ID"):
            file = Path(f"{name}.{constant}").absolute()
            file.write_text(f"{constant.lower()}-of-{name}")
            patch.setattr(liveness, constant, file)
        yield
