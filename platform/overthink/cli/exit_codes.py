"""How the command ends: exit codes, and one sentence for what a person can mend."""

import os
import signal
import sys
from types import FrameType

from rich.console import Console

from overthink.report.safe_text import print_text

OK, FAILURE, WRONG_USAGE, SOME_FAILED = 0, 1, 2, 3


class InterruptedBySignal(SystemExit):
    """Ctrl-C or SIGTERM: what is open is closed on the way out, and the exit code is 128 + the signal's number."""


def obey_signals() -> None:
    """Let SIGINT and SIGTERM end the command in order."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not stop the closing of runs
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise InterruptedBySignal(128 + number)


def exit_code_for(error: BaseException, console: Console) -> int:
    """Say an error in one sentence on the console and return the exit code; with --debug, show the traceback."""
    if isinstance(error, InterruptedBySignal):
        console.print("Interrupted. The same command, without --force, goes on from here.")
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAILURE
    if os.environ.get("OVERTHINK_DEBUG"):
        console.print_exception()
    elif _is_for_people(error):
        print_text(console, f"error: {error}")
    else:
        print_text(console, f"defect in overthink: {type(error).__name__}: {error} (--debug shows where)")
    return WRONG_USAGE if _is_wrong_usage(error) else FAILURE


def _is_for_people(error: BaseException) -> bool:
    store = sys.modules.get("overthink.store.client")
    return isinstance(error, ValueError | OSError) or (store is not None and isinstance(error, store.StoreError))


def _is_wrong_usage(error: BaseException) -> bool:
    definitions = sys.modules.get("overthink.definition.errors")
    wrong = definitions is not None and isinstance(error, definitions.DefinitionError)
    return wrong or type(error) is ValueError
