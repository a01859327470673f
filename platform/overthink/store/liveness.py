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


def is_gone(run_tags: Mapping[str, str]) -> bool:
    """Tell whether the process that a run's tags name is known to have ended, or has sent no heartbeat for long."""
    if run_tags.get(tags.HOST) == this_host():
        return not _is_alive(run_tags.get(tags.PROCESS, ""))
    heartbeat = run_tags.get(tags.HEARTBEAT, "")
    return heartbeat.isdecimal() and time.time() - int(heartbeat) > ABANDONED_SECONDS


def taken_over(run_tags: Mapping[str, str], alive: Mapping[str, str]) -> bool:
    """Tell whether another process has resumed a run since the one that `alive` names began it."""
    theirs, ours = (tuple(of.get(key) for key in (tags.HOST, tags.PROCESS)) for of in (run_tags, alive))
    since, when = run_tags.get(tags.HEARTBEAT, ""), alive.get(tags.HEARTBEAT, "")
    return theirs != ours and since.isdecimal() and when.isdecimal() and int(since) >= int(when)


def is_this(run_tags: Mapping[str, str]) -> bool:
    """Tell whether a run's tags name this very process."""
    return (run_tags.get(tags.HOST), run_tags.get(tags.PROCESS)) == (this_host(), this_process())


def _is_alive(process: str) -> bool:
    pid, _, created = process.partition("@")
    try:
        return pid.isdecimal() and abs(psutil.Process(int(pid)).create_time() - float(created)) <= 1.0
    except psutil.AccessDenied:
        return True
    except (psutil.NoSuchProcess, ValueError):
        return False
