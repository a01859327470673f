"""Functions that read a file in ways that no process should outlive, and one that does."""

import os
import signal
import time
from typing import BinaryIO


def size(file: BinaryIO) -> int:
    return len(file.read())


def fault(file: BinaryIO) -> int:
    """End the process as a fault in memory does, unless the file is good."""
    if file.read() != b"good":
        os.kill(os.getpid(), signal.SIGSEGV)
    return os.getpid()


def spin(file: BinaryIO) -> None:
    while True:
        pass


def sleep(file: BinaryIO) -> None:
    time.sleep(600)


def missing(file: BinaryIO) -> None:
    raise KeyError(b"level")


def half_ended(file: BinaryIO) -> None:
    """End the process at the second file only, as one does whose memory the first one damaged."""
    if "READ_BEFORE" in os.environ:
        os.kill(os.getpid(), signal.SIGSEGV)
    os.environ["READ_BEFORE"] = "1"


def contradictory(whole: bytes) -> bytes:
    """Return a file of predictions whose column level has no missing values and yet a histogram of them.

    pyarrow 25 ends the process as it looks at this column.
    """
    column = b"\x02\x18\x05level"
    assert whole.count(b"\x25" + column) == 1
    return whole.replace(b"\x25" + column, b"\x25\x00" + column[1:])
