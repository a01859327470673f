"""What the `overthink` command answers about a store, as JSON: the source of every number of the paper."""

import io
import json
import shlex
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from findings.errors import FindingsError
from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.cli.main import execute
from overthink.definition.loading import load_experiment
from overthink.definition.source import find

REPORTED = "reported"


def answer(command: str) -> Any:
    """Return the JSON that a command prints (`compare quickstart --format json`).

    `reported NAME`, which is no command, gives the numbers that a paper reports for a definition: variant -> metric.
    Raises FindingsError where it fails, or where the store lacks some of the runs that it is about.
    """
    verb, *names = shlex.split(command)
    return _reported(*names) if verb == REPORTED else json.loads(printed(command))


def printed(command: str) -> str:
    """Return what a command prints. Raises FindingsError as `answer` does."""
    results, messages = io.StringIO(), io.StringIO()
    with redirect_stdout(results), redirect_stderr(messages):
        code = execute(shlex.split(command))
    if code == SOME_FAILED:
        raise FindingsError(f"overthink {command}: runs are missing or unfinished; make findings trains them")
    if code != OK:
        raise FindingsError(f"overthink {command}: {' '.join(messages.getvalue().split())}")
    return results.getvalue()


def _reported(name: str) -> dict[str, dict[str, float]]:
    groups = load_experiment(find(name)).groups
    return {group.variant: {entry.metric: entry.value for entry in group.reported} for group in groups}


class Answers:
    """The answers to commands by name, each asked for once."""

    def __init__(self, commands: Mapping[str, str]) -> None:
        self._commands = commands
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """Return the answer to the command of a name. Raises KeyError where no command has it."""
        if name not in self._known:
            self._known[name] = answer(self._commands[name])
        return self._known[name]
