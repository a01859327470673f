"""Limits of one trial: seconds of the processor, and memory."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class TooLongError(BaseException):
    """A trial has not ended in time."""


class Used(NamedTuple):
    """What a call took."""

    seconds: float
    memory: int
    """Bytes beyond what the process had before it."""


def limited(call: Callable[[], T], seconds: int) -> tuple[T, Used]:
    """Return what a call returns, and what it took; raises TooLongError after so many seconds of the processor."""
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak starts anew
    signal.signal(signal.SIGPROF, _too_long)
    started = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        done = call()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return done, Used(time.process_time() - started, memory("VmHWM") - before)


def memory(entry: str) -> int:
    """Return an entry of the process's status in bytes."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(next(line for line in status.splitlines() if line.startswith(entry)).split()[1])


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise TooLongError("it took too many seconds of the processor")
