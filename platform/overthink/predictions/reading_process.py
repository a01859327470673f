"""A process that reads files so that this one need not find out whether reading them ends a process."""

import atexit
import hashlib
import json
import os
import resource
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import pyarrow as pa  # type: ignore[import-untyped]

if TYPE_CHECKING:
    import subprocess

Found = TypeVar("Found")
Argument = str | list[str] | None

ENDS = "it is not a readable Parquet file (reading it ends the process)"
CHANGES = "it changes while it is read"
PROCESSOR_SECONDS = 60
"""For one file; the largest ones take a tenth of it."""
SECONDS = 600
"""By the clock, for a process that waits for itself."""
_CODE = "import sys; sys.path[:] = sys.argv[1:]; from overthink.predictions.reading_process import serve; serve()"


class ReadingProcess:
    """A process, started where a file is to be read and again where it ended; a line of JSON goes in and one out."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        atexit.register(self.end)

    def problem(self, request: Mapping[str, Any]) -> str | None:
        """Return a clause on why a file cannot be read, None where it can; raises OSError without a process."""
        with self._lock:
            was_used = self._process is not None
            answer = self._answer(request)
            if answer is None and was_used:  # a file before this one may have damaged its memory
                answer = self._answer(request)
        if answer is None:
            return ENDS
        return None if answer["problem"] is None else str(answer["problem"])

    def end(self) -> None:
        """End the process, which holds nothing."""
        if self._process is not None:
            _end(self._process)
            self._process = None

    def _answer(self, request: Mapping[str, Any]) -> Any:
        """Return the answer; None where the process ended instead."""
        process, self._process = self._process or _started(), None
        timer = Timer(SECONDS, process.kill)
        timer.daemon = True
        timer.start()
        try:
            line = b""
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(request | {"seconds": PROCESSOR_SECONDS}).encode() + b"\n")  # type: ignore
                line = process.stdout.readline()  # type: ignore[union-attr]
            if line.endswith(b"\n"):
                self._process = process
                return json.loads(line)
            return None
        finally:
            timer.cancel()
            if self._process is None:
                _end(process)


def _started() -> "subprocess.Popen[bytes]":
    import subprocess  # most commands need none

    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _CODE, *sys.path],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what the library says as it ends a process
        start_new_session=True,  # Ctrl+C ends this process, and its end that one
    )
    if process.stdout is None or process.stdout.readline() != b"ready\n":
        _end(process)
        raise OSError("a process for reading files does not start")
    return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    with process:
        process.kill()


def in_sentences(reader: Callable[..., Found], file: BinaryIO, *arguments: Argument) -> Found:
    """Return what a function reads from a file; raises ValueError for whatever pyarrow raises."""
    file.seek(0)
    try:
        return reader(file, *arguments)
    except (pa.ArrowException, OSError, LookupError) as error:
        what = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"it is not a readable Parquet file ({what})") from error


def serve() -> None:
    """Answer each line until there are no more: the process that started this one has ended."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _say("ready")
    for line in sys.stdin:
        _say(json.dumps({"problem": _problem(json.loads(line))}))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _problem(request: dict[str, Any]) -> str | None:
    """Read a file as asked to; return a clause on what was raised."""
    used, most = sum(os.times()[:2]), resource.getrlimit(resource.RLIMIT_CPU)[1]
    with suppress(ValueError):  # there is a lower limit
        resource.setrlimit(resource.RLIMIT_CPU, (int(used) + request["seconds"] + 1, most))
    reader = getattr(import_module(request["module"]), request["function"])
    try:
        with open(request["path"], "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != request["sha256"]:
                return CHANGES
            in_sentences(reader, file, *request["arguments"])
    except Exception as error:  # noqa: BLE001 - whatever it is, reading it again would raise it again
        return str(error) or type(error).__name__
    return None
