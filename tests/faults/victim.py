"""A command that is to be killed, and the working directory that it runs in.

Commands are forked from one process that has imported what they need, as workers are; of a whole command with its
imports, that is most of the time. Kills during the imports are of whole commands (`imports`).
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import forkserver, get_context
from pathlib import Path

import psutil

from faults.machine import machine as being
from overthink.execution.local import without_main
from support.small import definition

DEFINITION = {"regime": [{"epochs": 4, "drops": [3]}], "seeds": 2}
LINES = 2 * (1 + 4 + 1)
"""That a whole command prints of its runs: started, epochs, finished."""
LONGEST_SECONDS = 600.0
MACHINE = "machine"
"""File in a working directory: name and clock of the machine that it is on, where that is not this one."""
PRELOADED = [
    "overthink.running.run",
    "overthink.launching.launch",
    "overthink.cli.main",
    "overthink.cli.progress",
    "overthink.comparison.overthinking",
    "overthink.report.ui_views",
    "faults.victim",
]


def warm_up() -> None:
    """Import what commands need, in the process that they are forked from."""
    get_context("forkserver").set_forkserver_preload(PRELOADED)
    forkserver.ensure_running()


class Victim:
    """A command in a working directory; what it prints to standard error is in a file."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        machine: str = "",
        clock: float = 0.0,
        imports: bool = False,
        **settings: str,
    ) -> None:
        self.folder = folder
        self.printed = folder / f"printed-{time.monotonic_ns()}"
        self.printed.touch()
        if machine:
            (folder / MACHINE).write_text(f"{machine} {clock}")
        environment = {"OVERTHINK_PATIENCE": "3", "COLUMNS": "200", **settings}
        given = folder, self.printed, arguments or ("run", "small.yaml"), environment, machine, clock
        if imports:
            whole = [sys.executable, "-m", "overthink.cli", *given[2]]
            with self.printed.open("wb") as file:
                out = subprocess.DEVNULL
                all_of_it = os.environ | environment
                started = subprocess.Popen(whole, cwd=folder, env=all_of_it, stdout=out, stderr=file)
            self.pid = started.pid
            self._join: Callable[[], object] = started.wait
            self._ended: Callable[[], int | None] = started.poll
            return
        process = get_context("forkserver").Process(target=_command, args=given)
        with without_main():
            process.start()
        assert process.pid is not None
        self.pid, self._join = process.pid, process.join
        self._ended = lambda: process.exitcode

    @property
    def text(self) -> str:
        """What it has printed."""
        return self.printed.read_text(errors="replace")

    @property
    def has_ended(self) -> bool:
        """Whether it has ended by itself, or by a signal."""
        return self._ended() is not None

    def wait_for_lines(self, lines: int) -> None:
        """Wait until it has printed so many lines about its runs, or has ended."""
        self._wait(lambda: sum(" seed " in line for line in self.text.splitlines()) >= lines)

    def wait_for_file(self, pattern: str) -> None:
        """Wait until there is a file in its working directory, or it has ended."""
        self._wait(lambda: next(self.folder.glob(pattern), None) is not None)

    def wait(self) -> None:
        """Wait for its end."""
        self._wait(lambda: False)
        self._join()

    def workers(self) -> list[psutil.Process]:
        """Return its worker processes: those in its working directory that are not it."""
        return [one for one in psutil.process_iter() if one.pid != self.pid and _folder_of(one) == str(self.folder)]

    def signal(self, number: int) -> None:
        """Send it a signal."""
        if not self.has_ended:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def signal_everything(self, number: int) -> None:
        """Send a signal to it and its workers, at once."""
        workers = self.workers()
        self.signal(number)
        for process in workers:
            with suppress(psutil.Error):
                process.send_signal(number)

    def kill(self) -> None:
        """Kill the command alone."""
        self.signal(signal.SIGKILL)
        self._join()

    def kill_everything(self) -> None:
        """Kill it and its workers, at once."""
        self.signal_everything(signal.SIGKILL)
        self._join()

    def _wait(self, until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        while not self.has_ended and not until():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.folder}: {self.text[-500:]}")
            time.sleep(0.02)


def _command(
    folder: Path, printed: Path, arguments: Sequence[str], environment: dict[str, str], name: str, clock: float
) -> None:
    """Be the command, in a process that was forked for it; its workers are forked from where it was."""
    from overthink.cli.main import main

    forkserver._forkserver.ensure_running = forkserver.ensure_running = lambda: None  # type: ignore[method-assign]
    with printed.open("ab") as file, open(os.devnull, "w") as nothing:
        os.dup2(file.fileno(), 2)
        os.dup2(nothing.fileno(), 1)
    os.chdir(folder)
    os.environ.update(environment)
    sys.argv = ["overthink", *arguments]
    if not name:
        main()
    with being(name, clock):
        main()


def _folder_of(process: psutil.Process) -> str:
    with suppress(psutil.Error, OSError):
        return str(process.cwd())
    return ""


def directory(folder: Path) -> Path:
    """Make a working directory with the definition."""
    folder.mkdir(parents=True)
    definition(folder, **DEFINITION)
    return folder


def pause(chance: random.Random, longest: float) -> None:
    """Wait for a random time."""
    time.sleep(chance.uniform(0, longest))
