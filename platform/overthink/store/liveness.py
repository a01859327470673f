"""Is the process that a running run belongs to still there? A killed process leaves its runs RUNNING for ever.

On the same machine its process number says so. From anywhere else its heartbeat does: the coordinator renews it every
minute, and once it has been silent for a quarter of an hour the run counts as abandoned.
"""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from overthink.store import tags

BEAT_SECONDS = 60.0
SILENCE_SECONDS = 900.0
"""Clocks of machines differ by seconds, a busy store answers within minutes: a quarter of an hour is safe."""


def alive_tags() -> dict[str, str]:
    """Return the tags that say where a run is being worked at, and that it was, a moment ago."""
    return {tags.HOST: this_host(), tags.PROCESS: this_process(), tags.HEARTBEAT: f"{time.time():.0f}"}


def this_process() -> str:
    """Name this process so that a later one with the same number is not taken for it: `pid@start`."""
    return f"{os.getpid()}@{psutil.Process().create_time():.2f}"


def this_host() -> str:
    """Name the space that process numbers are unique in: containers may share a host name, not what follows it."""
    with suppress(OSError):  # not Linux
        return f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink().name}"
    return socket.gethostname()


def is_gone(run_tags: Mapping[str, str]) -> bool:
    """Tell whether the process that a run's tags name is known to have ended, or has long been silent."""
    if run_tags.get(tags.HOST) == this_host():
        return not _is_here(run_tags.get(tags.PROCESS, ""))
    heartbeat = run_tags.get(tags.HEARTBEAT, "")
    return heartbeat.isdecimal() and time.time() - int(heartbeat) > SILENCE_SECONDS


def taken_over(run_tags: Mapping[str, str], alive: Mapping[str, str]) -> bool:
    """Tell whether another process has been at a run since the one that `alive` names took it up."""
    theirs, ours = (tuple(of.get(key) for key in (tags.HOST, tags.PROCESS)) for of in (run_tags, alive))
    since, when = run_tags.get(tags.HEARTBEAT, ""), alive.get(tags.HEARTBEAT, "")
    return theirs != ours and since.isdecimal() and when.isdecimal() and int(since) >= int(when)


def is_this(run_tags: Mapping[str, str]) -> bool:
    """Tell whether a run's tags name this very process."""
    return (run_tags.get(tags.HOST), run_tags.get(tags.PROCESS)) == (this_host(), this_process())


def _is_here(process: str) -> bool:
    pid, _, created = process.partition("@")
    try:
        return pid.isdecimal() and abs(psutil.Process(int(pid)).create_time() - float(created)) <= 1.0
    except psutil.AccessDenied:
        return True
    except (psutil.NoSuchProcess, ValueError):
        return False
