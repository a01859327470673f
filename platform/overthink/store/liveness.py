"""Is the process that a running run belongs to still alive? A killed process leaves its runs RUNNING for ever.

On the same machine its process number answers that. On any other machine its heartbeat does: the process renews it
every minute, and without one for a quarter of an hour the run counts as abandoned.
"""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from overthink.store import tags

HEARTBEAT_SECONDS = 60.0
ABANDONED_SECONDS = 900.0
"""Without a heartbeat for so long a run is abandoned: clocks differ by seconds, busy stores answer within minutes."""


def alive_tags() -> dict[str, str]:
    """Return the tags that name the host and the process of a run, and its heartbeat: now."""
    return {tags.HOST: this_host(), tags.PROCESS: this_process(), tags.HEARTBEAT: f"{time.time():.0f}"}


def this_process() -> str:
    """Name this process so that a later one with the same number is not taken for it: `pid@start`."""
    return f"{os.getpid()}@{psutil.Process().create_time():.2f}"


def this_host() -> str:
    """Name the space that process numbers are unique in: containers may share a host name, not what follows it."""
    with suppress(OSError):  # not Linux
        return f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink().name}"
    return socket.gethostname()


class RunProcess(NamedTuple):
    """The process that trains a run, as its tags name it."""

    host: str = ""
    process: str = ""
    """`pid@start`."""
    heartbeat: int | None = None
    """Unix time in seconds at which it last reported that it is alive; None in runs of early versions."""

    @classmethod
    def of(cls, run_tags: Mapping[str, str]) -> "RunProcess":
        """Read it from tags; what is not readable is empty."""
        beat = run_tags.get(tags.HEARTBEAT, "")
        readable = beat.isascii() and beat.isdecimal() and len(beat) < 19
        return cls(run_tags.get(tags.HOST, ""), run_tags.get(tags.PROCESS, ""), int(beat) if readable else None)


NO_PROCESS = RunProcess()


def is_gone(process: RunProcess) -> bool:
    """Tell whether a process is known to have ended, or has sent no heartbeat for long."""
    if process.host == this_host():
        return not _is_alive(process.process)
    return process.heartbeat is not None and time.time() - process.heartbeat > ABANDONED_SECONDS


def taken_over(theirs: RunProcess, ours: RunProcess) -> bool:
    """Tell whether a run's process is another one than ours, and took the run up later than ours did."""
    if theirs[:2] == ours[:2] or theirs.heartbeat is None or ours.heartbeat is None:
        return False
    return theirs.heartbeat >= ours.heartbeat


def is_this(process: RunProcess) -> bool:
    """Tell whether it is this very process."""
    return process[:2] == (this_host(), this_process())


def _is_alive(process: str) -> bool:
    pid, _, created = process.partition("@")
    try:
        return pid.isdecimal() and abs(psutil.Process(int(pid)).create_time() - float(created)) <= 1.0
    except psutil.AccessDenied:
        return True
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return False
