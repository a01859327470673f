"""What this process prints to: any width and encoding, closed and full files, also where they cannot be right."""

import os
import stat
import sys
from contextlib import suppress
from errno import EIO
from io import TextIOWrapper
from typing import IO

from rich.console import Console

from overthink.report.safe_text import SUBSTITUTES

NARROWEST, WIDEST = 20, 1000
"""Characters. A width outside is none: scripts and some terminals set COLUMNS to 0."""
READER_GONE = 141
"""Exit code where nobody reads standard output any more (`| head -1`): 128 + SIGPIPE, as other programs end."""


class Output(Console):
    """A console that ends the command when the reader of its results is gone; messages without a reader are dropped."""

    def _check_buffer(self) -> None:
        try:
            super()._check_buffer()
        except OSError as error:
            if not _is_without_reader(error, self.file):
                raise
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Print nothing more; a training goes on without its messages."""
        self.quiet = True
        if not self.stderr:
            raise SystemExit(READER_GONE)


def prepare_output() -> None:
    """Make standard output and error take any character, and ignore a width that no terminal has."""
    columns = os.environ.get("COLUMNS", "")
    if not (columns.isascii() and columns.isdecimal() and NARROWEST <= int(columns[:9]) <= WIDEST):
        os.environ.pop("COLUMNS", None)  # rich takes the terminal's width, or 80
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=SUBSTITUTES)


def open_missing_streams() -> None:
    """Open streams that were closed (`>&-`): a file would get their numbers, and what is printed."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdout, sys.stderr = sys.stdout or os.fdopen(1, "w"), sys.stderr or os.fdopen(2, "w")


def print_raw(text: str) -> None:
    """Write text to standard output as it is, without a line end."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        if not _is_without_reader(error, sys.stdout):
            raise
        raise SystemExit(READER_GONE) from None


def flushed() -> str:
    """Return why standard output or error could not be written, or an empty text; what is left is dropped."""
    problem = ""
    for name, stream in (("output", sys.stdout), ("error", sys.stderr)):
        try:
            stream.flush()
        except OSError as error:
            if not _is_without_reader(error, stream):
                problem = f"standard {name}: {(error.strerror or str(error)).lower()}"
            with suppress(OSError):  # else Python tries again at its end, and fails loudly
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return problem


def _is_without_reader(error: OSError, stream: IO[str]) -> bool:
    """Tell whether nobody reads a stream any more: the pipe, or the terminal, was closed."""
    closed_terminal = error.errno == EIO and stat.S_ISCHR(os.fstat(stream.fileno()).st_mode)
    return isinstance(error, BrokenPipeError) or closed_terminal
