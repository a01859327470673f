"""Launching in tests: a listener that records, stores of one's own, the command as a process."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from overthink.definition.experiment import LoadedExperiment
from overthink.launching.launch import launch
from overthink.launching.outcomes import Options, Outcomes
from overthink.launching.planned_run import PlannedRun
from overthink.running.events import Event, as_json
from overthink.store.client import Store
from support.engines import InlineEngine, ReplayingEngine
from support.light_pages import leave_out_plotlyjs

Bodies = list[dict[str, Any]]


class Quiet:
    """A listener that remembers what it received."""

    def __init__(self) -> None:
        self.bodies: Bodies = []

    def on_plan(self, runs: Sequence[PlannedRun]) -> None:
        pass

    def on_event(self, run: PlannedRun, event: Event) -> None:
        self.bodies.append({"run": run.name, **as_json(event)})

    def on_message(self, sentence: str) -> None:
        self.bodies.append({"run": "", "event": "noted", "message": sentence})


def opened(folder: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(folder)
    (folder / "mlflow.db").write_bytes(database.read_bytes())
    return Store(f"sqlite:///{folder}/mlflow.db")


def attempts(store: Store, run_id: str, folder: Path) -> list[dict[str, Any]]:
    stored = json.loads(store.artifact(run_id, "provenance.json", folder).read_text())
    return list(stored["attempts"])


def command(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start `overthink run` on the small definition, as a person would."""
    return subprocess.Popen(
        [sys.executable, "-m", "overthink.cli", "run", str(folder / "small.yaml"), *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
    )


def lines_until(process: "subprocess.Popen[str]", words: str) -> Iterator[str]:
    assert process.stderr is not None
    for line in process.stderr:
        yield line
        if words in line:
            return
    raise AssertionError(f"{words!r} was never said")


def launch_inline(
    store: Store, experiments: Sequence[LoadedExperiment], options: Options | None = None, listener: Any = None
) -> Outcomes:
    """Launch as `overthink run` does, but train here, and the same run once: for tests of what is done with it."""
    with pytest.MonkeyPatch.context() as patch:
        leave_out_plotlyjs(patch)
        return launch(store, experiments, options or Options(), listener or Quiet(), ReplayingEngine())


def launch_anew(
    store: Store, experiments: Sequence[LoadedExperiment], options: Options | None = None, listener: Any = None
) -> Outcomes:
    """Launch like `launch_inline`, but train whatever was trained before: for tests in which that is the point."""
    return launch(store, experiments, options or Options(), listener or Quiet(), InlineEngine())


def workers_of(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Return the worker processes of a command: where they are forked, the children of the process that forks them."""
    direct = psutil.Process(process.pid).children()
    return [worker for child in direct for worker in child.children()] or direct
