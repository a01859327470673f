"""Engines for tests: they train in this process, replay what was trained, or follow a script; obedient workers."""

import hashlib
import json
import os
import pickle
import sys
import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ClassVar, NamedTuple

from overthink.atomic_file import atomic_write
from overthink.execution.jobs import Job, Message, Order, order_in
from overthink.execution.worker import end_with_coordinator, events_of
from overthink.launching.recording.run_recorder import ATTEMPTS_FILE
from overthink.networks import availability
from overthink.running.events import Died, Event, Finished, Started, as_json, ends
from support.native import Native


class InlineEngine:
    """Executes jobs one after another in the process that asks: the same training, without a worker process."""

    def __init__(self) -> None:
        self._queue: deque[Job] = deque()
        self._stopped: set[str] = set()

    def add(self, job: Job) -> None:
        self._queue.append(job)

    def stop(self, name: str) -> None:
        self._stopped.add(name)

    def execute(self, jobs: Sequence[Job]) -> Generator[Message | None, None, None]:
        self._queue.extend(jobs)
        while self._queue:
            job = self._queue.popleft()
            for event in self._events(job):
                yield Message(job, event)
                if job.name in self._stopped and not ends(event):
                    self._stopped.discard(job.name)
                    yield Message(job, Died("worker process was killed"))
                    break

    def close(self) -> None:
        self._queue.clear()

    def _events(self, job: Job) -> Generator[Event, None, None]:
        yield from events_of(job.order)


class Step(NamedTuple):
    """An event of a training, and what was done to the run's folder before it."""

    event: Event
    written: dict[str, bytes]
    removed: set[str]


class ReplayingEngine(InlineEngine):
    """Trains as `InlineEngine` does, but the same order on the same files once a session: again, it is replayed.

    Replayed are the events, and before each of them the files as training had left them. For tests of what is done with
    a training; those of training itself, of repeating and of resuming it take `InlineEngine`.
    """

    folder: ClassVar[Path | None] = None
    """Where the trainings of all processes of a session are; without it each process has its own."""
    _trainings: ClassVar[dict[str, list[Step]]] = {}

    def _events(self, job: Job) -> Generator[Event, None, None]:
        folder = Path(job.order.folder)
        name = _name(job.order, folder)
        if (known := self._known(name)) is not None:
            yield from _replayed(known, folder)
            return
        steps: list[Step] = []
        before = _files(folder)
        for event in super()._events(job):
            after = _files(folder)
            written = {name: content for name, content in after.items() if before.get(name) != content}
            steps.append(Step(event, written, before.keys() - after.keys()))
            yield event
            before = _files(folder)
        if isinstance(steps[-1].event, Finished) and _repeatable(job.order):
            self._keep(name, steps)

    def _known(self, name: str) -> list[Step] | None:
        if name not in self._trainings and self.folder is not None and (self.folder / name).exists():
            self._trainings[name] = pickle.loads((self.folder / name).read_bytes())
        return self._trainings.get(name)

    def _keep(self, name: str, steps: list[Step]) -> None:
        self._trainings[name] = steps
        if self.folder is not None:
            with atomic_write(self.folder / name) as unfinished:
                unfinished.write_bytes(pickle.dumps(steps))


def _replayed(steps: Sequence[Step], folder: Path) -> Generator[Event, None, None]:
    for event, written, removed in steps:
        for name in removed:
            (folder / name).unlink()
        for name, content in written.items():
            (folder / name).write_bytes(content)
        yield event


def _repeatable(order: Order) -> bool:
    """Return whether a training depends on its order and its folder alone: not on data or code that a test changes."""
    run = json.loads(order.run)
    is_embedded: bool = run["dataset"].get("digits") == "embedded"
    is_stood_in = isinstance(availability.native_obstacle, Native)
    is_native: bool = run.get("kernels") == "native" and not is_stood_in
    return is_embedded and not is_native and not order.plugins and run.get("weights") is None


def _files(folder: Path) -> dict[str, bytes]:
    """Return what training can read or write in a run's folder."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in (ATTEMPTS_FILE, "worker.lock"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _name(order: Order, folder: Path) -> str:
    """Return a name for a training: of its order, the files it begins with, and what a stand-in for kernels says."""
    stand_in = availability.native_obstacle
    native = (stand_in.settings, stand_in.obstacle) if isinstance(stand_in, Native) else ()
    digest = hashlib.sha256(repr((replace(order, folder="", checkpoint_seconds=0), native)).encode())
    for name, content in sorted(_files(folder).items()):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


class ScriptedEngine(InlineEngine):
    """Yields the events of a script: by the name of a job, a list an attempt."""

    def __init__(self, script: Mapping[str, Sequence[Sequence[Event]]]) -> None:
        super().__init__()
        self._script = {name: deque(attempts) for name, attempts in script.items()}
        self.orders: list[Order] = []

    def _events(self, job: Job) -> Generator[Event, None, None]:
        self.orders.append(job.order)
        yield from self._script[job.name].popleft()


def started(pid: int = 0, at: float = 0.0) -> Started:
    """Return the event of a run of 2 exits; `pid` and `at` travel in it as the data set's name and digest."""
    samples = {"train": 10, "val": 5, "test": 5}
    return Started(str(pid), str(at), samples, (100, 200), (1000, 2000), (), {"device": "cpu", "threads": 1})


def obedient(pipe: Connection, log: Path, folder: Path, environment: Mapping[str, str]) -> None:
    """A worker that does what an order's `run` says: {"do": "work" or "die", "sleep": seconds}."""
    end_with_coordinator()
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
    while True:
        order = json.loads(order_in(pipe.recv_bytes()).run)
        pipe.send_bytes(json.dumps(as_json(started(os.getpid(), time.monotonic()))).encode())
        if order["do"] == "die":
            os.write(sys.stderr.fileno(), b"last words\n")
            os.kill(os.getpid(), 9)
        time.sleep(order["sleep"])
        pipe.send_bytes(json.dumps(as_json(Finished())).encode())


def obedient_job(name: str, do: str = "work", sleep: float = 0.0) -> Job:
    """Return a job for an obedient worker."""
    return Job(name, Order(json.dumps({"do": do, "sleep": sleep}), "", "cpu", None, None, 60.0))
