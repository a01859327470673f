"""Engines for tests: one that trains in this process, one that follows a script, and worker targets that obey."""

import json
import os
import sys
import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from overthink.execution.jobs import Job, Message, Order, order_in
from overthink.execution.worker import end_with_coordinator, events_of
from overthink.running.events import Died, Event, Finished, Started, as_json, ends


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
