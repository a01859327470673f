"""The process exit codes of `overthink`, and how an exception becomes a message and one of them.

======================  ===========  ======================================================================
OK                      0            success
FAILURE                 1            error, or no run succeeded
WRONG_USAGE             2            wrong options, or an invalid definition
SOME_FAILED             3            some runs failed, or results are missing, unreadable or not uploaded
128 + signal number     130, 143     interrupted by SIGINT (Ctrl-C) or SIGTERM; rerun the command to resume
128 + SIGPIPE           141          nobody reads the output any more (`| head -1`)
======================  ===========  ======================================================================
"""

import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from types import FrameType

from rich.console import Console

from overthink.cli.terminal import READER_GONE
from overthink.report.safe_text import print_text
from overthink.sentences import cut
from overthink.store.uri import without_password

OK, FAILURE, WRONG_USAGE, SOME_FAILED = 0, 1, 2, 3
AGAIN_SECONDS = 0.05
"""After which a signal that Python could not raise is sent again."""


class InterruptedBySignal(SystemExit):
    """Raised by SIGINT and SIGTERM, so that open runs are closed on the way out; code: 128 + signal number."""


def exit_on_signals() -> None:
    """Make SIGINT and SIGTERM raise InterruptedBySignal."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)
    sys.unraisablehook = _unraisable


def _exit(number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the closing of runs
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise InterruptedBySignal(128 + number)


def _unraisable(lost: "sys.UnraisableHookArgs") -> None:
    """Send a signal again that came while Python cannot raise: in a destructor, for one."""
    if not isinstance(lost.exc_value, InterruptedBySignal):
        sys.__unraisablehook__(lost)
        return
    number = int(lost.exc_value.code or 0) - 128
    signal.signal(number, _exit)
    again = threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


def exit_code_for(error: BaseException, console: Console) -> int:
    """Print an error as one line, with --debug as a traceback, and return the exit code."""
    with suppress(OSError):  # where no message can be written, the code says it
        _print(error, console)
    if isinstance(error, SystemExit):
        if isinstance(error.__context__, BrokenPipeError):  # click and typer would end a help without a reader with 1
            return READER_GONE
        return error.code if isinstance(error.code, int) else FAILURE
    return WRONG_USAGE if _is_wrong_usage(error) else FAILURE


def _print(error: BaseException, console: Console) -> None:
    if isinstance(error, InterruptedBySignal):
        console.print("Interrupted. Unfinished runs resume with the same command, without --force.")
        return
    if isinstance(error, SystemExit):
        return
    if os.environ.get("OVERTHINK_DEBUG"):
        text = "".join(traceback.format_exception(error))
    elif _is_expected(error):
        text = f"error: {cut(_said(error))}"
    else:
        text = f"internal error: {type(error).__name__}: {cut(str(error))} (use --debug to see the traceback)"
    print_text(console, without_password(text))


def _said(error: BaseException) -> str:
    """Return what an error says; of the operating system, the file and what is wrong with it, without the number."""
    if not isinstance(error, OSError) or error.errno is None or not error.strerror:
        return str(error)
    names = [
        os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes | os.PathLike)
    ]
    return ": ".join([*names, error.strerror.lower()])


def _is_expected(error: BaseException) -> bool:
    store = sys.modules.get("overthink.store.errors")  # if it is not imported, the error is not its own
    return isinstance(error, ValueError | OSError) or (store is not None and isinstance(error, store.StoreError))


def _is_wrong_usage(error: BaseException) -> bool:
    definitions = sys.modules.get("overthink.definition.errors")
    plugins = sys.modules.get("overthink.plugins.modules")
    of_definition = definitions is not None and isinstance(error, definitions.DefinitionError)
    of_plugin = plugins is not None and isinstance(error, plugins.PluginError)
    return of_definition or of_plugin or type(error) is ValueError
