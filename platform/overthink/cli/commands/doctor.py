"""`overthink doctor`: what this machine has of what training takes, and how to get the rest."""

from functools import partial
from typing import TYPE_CHECKING

from overthink.cli import options
from overthink.cli.exit_codes import FAILURE, OK
from overthink.cli.output import log, print_json, results
from overthink.report.safe_text import print_text

if TYPE_CHECKING:
    from overthink.cli.checks import Check


def doctor(as_json: options.Json = False) -> int:
    """Check this machine: Python, torch, CPU, C++ compiler, native kernels, store, and data folder.

    The exit code is 1 where something is wrong that training needs.
    """
    from overthink.cli.checks import checks

    console, found = results(), []
    for check in checks(partial(print_text, log())):
        found.append(check)
        if not as_json:
            print_text(console, _line(check))
    if as_json:
        print_json([check._asdict() for check in found])
    return FAILURE if any(check.problem and check.needed for check in found) else OK


def _line(check: "Check") -> str:
    state = "ok" if not check.problem else "PROBLEM" if check.needed else "missing"
    return f"{state:<8} {check.name}: {check.found}{f' ({check.problem})' if check.problem else ''}"
