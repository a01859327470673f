"""A command that is to be killed, and the working directory that it runs in."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from support.small import definition

DEFINITION = {"regime": [{"epochs": 4, "drops": [3]}], "seeds": 2}
LINES = 2 * (1 + 4 + 1)
"""That a whole command prints of its runs: started, epochs, finished."""
LONGEST_SECONDS = 180.0
MACHINE = "machine"
"""File in a working directory: name and clock of the machine that it is on, where that is not this one."""


class Victim:
    """A command in a working directory; what it prints to standard error is in a file."""

    def __init__(self, folder: Path, *arguments: str, machine: str = "", clock: float = 0.0, **settings: str) -> None:
        self.printed = folder / f"printed-{time.monotonic_ns()}"
        program = ["faults.machine", machine, str(clock)] if machine else ["overthink.cli"]
        if machine:
            (folder / MACHINE).write_text(f"{machine} {clock}")
        environment = {**os.environ, "OVERTHINK_PATIENCE": "3", "COLUMNS": "200", **settings}
        with self.printed.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *program, *(arguments or ("run", "small.yaml"))],
                cwd=folder,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=file,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        """What it has printed."""
        return self.printed.read_text(errors="replace")

    @property
    def has_ended(self) -> bool:
        """Whether it has ended by itself, or by a signal."""
        return self.process.poll() is not None

    def wait_for_lines(self, lines: int) -> None:
        """Wait until it has printed so many lines about its runs, or has ended."""
        self._wait(lambda: sum(" seed " in line for line in self.text.splitlines()) >= lines)

    def wait_for_file(self, folder: Path, pattern: str) -> None:
        """Wait until there is a file, or it has ended."""
        self._wait(lambda: next(folder.glob(pattern), None) is not None)

    def wait(self) -> int:
        """Wait for its end; return the exit code."""
        return self.process.wait(LONGEST_SECONDS)

    def everything(self) -> list[psutil.Process]:
        """Return its process and all that it has started."""
        with suppress(psutil.Error):
            command = psutil.Process(self.process.pid)
            return [command, *command.children(recursive=True)]
        return []

    def workers(self) -> list[psutil.Process]:
        """Return its worker processes: children of the process that forks them."""
        return [one for one in self.everything()[1:] if one.children() == []]

    def kill(self) -> None:
        """Kill the command alone."""
        self.process.kill()
        self.process.wait(LONGEST_SECONDS)

    def kill_everything(self) -> None:
        """Kill it and all that it has started, at once."""
        for process in self.everything():
            with suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        self.process.wait(LONGEST_SECONDS)

    def _wait(self, until) -> None:  # type: ignore[no-untyped-def]
        deadline = time.monotonic() + LONGEST_SECONDS
        while not until() and not self.has_ended:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.process.args}: {self.text[-500:]}")
            time.sleep(0.02)


def directory(folder: Path) -> Path:
    """Make a working directory with the definition."""
    folder.mkdir(parents=True)
    definition(folder, **DEFINITION)
    return folder


def pause(chance: random.Random, longest: float) -> None:
    """Wait for a random time."""
    time.sleep(chance.uniform(0, longest))
