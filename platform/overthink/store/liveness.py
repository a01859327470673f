"""Is the process that a running run belongs to still alive? A killed process leaves its runs RUNNING for ever.

On the same machine its process number answers that. On any other machine its heartbeat does: the process renews it
every minute, and without one for a quarter of an hour the run counts as abandoned.
"""

import hashlib
import os
import socket
import sys
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from overthink.store import tags
from overthink.store.uri import state_folder

HEARTBEAT_SECONDS = 60.0
ABANDONED_SECONDS = 900.0
"""Without a heartbeat for so long a run is abandoned: clocks differ by seconds, busy stores answer within minutes."""
FUTURE_SECONDS = 300.0
"""A heartbeat that is later than now by more proves nothing: a clock is wrong, or somebody has set the tag."""
MACHINE_ID, BOOT_ID = Path("/etc/machine-id"), Path("/proc/sys/kernel/random/boot_id")
PID_NAMESPACE = Path("/proc/self/ns/pid")
STATE_ID = "id"
"""File in a state folder: a random number."""
PARTS = 4
"""Of a host's name."""
LONGEST_PID = 9
"""Digits: a longer number does not fit what systems take."""


def alive_tags() -> dict[str, str]:
    """Return the tags that name the host and the process of a run, and its heartbeat: now."""
    _identify_state_folder()
    return {tags.HOST: this_host(), tags.PROCESS: this_process(), tags.HEARTBEAT: f"{time.time():.0f}"}


def this_process() -> str:
    """Name this process so that a later one with the same number is not taken for it: `pid@start`."""
    return f"{os.getpid()}@{_started(os.getpid())}"


def this_host() -> str:
    """Name the space that process numbers are unique in: `name machine boot namespace`.

    Machines may share a name, as containers do, and copies of a disk share what identifies a machine; no two systems
    that run at once share the boot. Of the machine's id only a digest that no other program uses is shown.
    """
    name = "".join(socket.gethostname().split()) or "unknown"
    return f"{name} {_machine()} {_boot()} {_namespace()}"


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

    @property
    def is_from_the_future(self) -> bool:
        """Whether its heartbeat is later than now, and not of this system: nothing tells when it was last alive."""
        is_later = self.heartbeat is not None and self.heartbeat - time.time() > FUTURE_SECONDS
        return is_later and _system(self.host) != _system(this_host())


NO_PROCESS = RunProcess()


def is_gone(process: RunProcess) -> bool:
    """Tell whether a process is known to have ended, or has sent no heartbeat for long."""
    here = this_host()
    if _system(process.host) == _system(here):
        return not _is_alive(process.process)
    if _rebooted_since(process.host, here):
        return True
    return process.heartbeat is not None and time.time() - process.heartbeat > ABANDONED_SECONDS


def taken_over(theirs: RunProcess, ours: RunProcess) -> bool:
    """Tell whether a run's process is another one than ours, and took the run up later than ours did."""
    if theirs[:2] == ours[:2] or theirs.heartbeat is None or ours.heartbeat is None:
        return False
    return theirs.heartbeat >= ours.heartbeat


def is_this(process: RunProcess) -> bool:
    """Tell whether it is this very process."""
    return (_system(process.host), process.process) == (_system(this_host()), this_process())


def is_this_machine(process: RunProcess) -> bool:
    """Tell whether a process was of this machine and state folder, perhaps before it was started the last time."""
    return process.host.split(" ")[:2] == this_host().split(" ")[:2]


def _system(host: str) -> str:
    """Return what of a host's name two processes share that can see each other: boot and namespace of processes."""
    parts = host.split(" ")
    return " ".join(parts[2:]) if len(parts) == PARTS else host  # of an earlier version


def _rebooted_since(host: str, here: str) -> bool:
    """Tell whether a host's name is of this machine and state folder, before it was started the last time."""
    then, now = host.split(" "), here.split(" ")
    return len(then) == PARTS and then[:2] == now[:2] and then[2] != now[2]


def _machine() -> str:
    """Identify this machine and the state folder on it: of two copies of a disk, one has another folder in use."""
    with suppress(OSError):
        return _digest(MACHINE_ID.read_text(encoding="utf-8").strip() + _state_id())
    return _digest(_state_id())


def _boot() -> str:
    with suppress(OSError):
        return BOOT_ID.read_text(encoding="utf-8").strip()
    return f"{uuid.getnode():x}"  # not Linux: the network card's address


def _namespace() -> str:
    with suppress(OSError):
        return PID_NAMESPACE.readlink().name
    return "-"


def _state_id() -> str:
    with suppress(OSError, UnicodeDecodeError):
        return (state_folder() / STATE_ID).read_text(encoding="utf-8")
    return ""


def _identify_state_folder() -> None:
    """Give the state folder a random number of its own, where it has none and can be written."""
    if _state_id():
        return
    file = state_folder() / STATE_ID
    number = uuid.uuid4().hex
    unfinished = file.with_name(f"{STATE_ID}.{number}.tmp")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_text(number, encoding="utf-8")
            _publish(unfinished, file)
        finally:
            unfinished.unlink(missing_ok=True)


def _publish(unfinished: Path, file: Path) -> None:
    """Give a file its name, unless another process has made one a moment ago."""
    if not file.exists():
        try:
            os.link(unfinished, file)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            os.replace(unfinished, file)
    elif not _state_id():  # a kill or a full disk has left it empty
        os.replace(unfinished, file)


def _digest(text: str) -> str:
    return hashlib.sha256(f"overthink {text}".encode()).hexdigest()[:16]


def _is_alive(process: str) -> bool:
    pid, _, started = process.partition("@")
    if not (pid.isascii() and pid.isdecimal() and len(pid) <= LONGEST_PID):
        return False
    try:
        return _started(int(pid)) == started
    except (OSError, psutil.Error):  # another account's, perhaps
        return psutil.pid_exists(int(pid))


def _started(pid: int) -> str:
    """Return when a process was started, in a clock that nobody sets: ticks since the boot."""
    if sys.platform == "linux":
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[19]
    return f"{psutil.Process(pid).create_time():.2f}"
