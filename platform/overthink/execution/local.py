"""Worker processes on this machine, in parallel, each executing jobs one after another.

Where the platform can fork, workers are forked from one process that has imported torch already: the first start pays
for that, every later one takes a moment. Elsewhere each is a fresh process. Orders and events are JSON on a pipe, and
a worker that is killed is seen as the end of its pipe.
"""

import json
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

from overthink.execution.jobs import Job, Message, as_bytes
from overthink.execution.worker import work
from overthink.running.events import Died, ends, parse_event

CAN_FORK = sys.platform == "linux"
"""On macOS a forked process may not use what its parent has loaded."""
PRELOADED = ["overthink.running.run"]
LAST_CHARACTERS = 2000
"""Of a worker's log, searched for what it printed last."""


def warm_up() -> bool:
    """Start importing torch in the process that workers will be forked from; return whether there is such a process."""
    if not CAN_FORK:
        return False
    multiprocessing.set_forkserver_preload(PRELOADED)
    resource_tracker.ensure_running()  # first: starting it unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C is for the coordinator alone
    try:
        forkserver.ensure_running()
    except OSError:  # the address of its socket, under TMPDIR, is too long
        return False
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return True


@contextmanager
def without_main() -> Iterator[None]:
    """Hide the `__main__` module: a new process would execute a person's script again."""
    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@dataclass
class Worker:
    """A worker process, and the job that it is executing, if any."""

    process: BaseProcess
    pipe: Connection
    log: Path
    job: Job | None = None

    def kill(self) -> None:
        """End the process; checkpoints are whole at any moment, so nothing is lost."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class LocalEngine:
    """Executes jobs in up to `workers` processes; `log_folder` takes what they print.

    `target` is what a worker process executes.
    """

    def __init__(
        self, workers: int, log_folder: Path, tick_seconds: float = 60.0, target: Callable[..., None] = work
    ) -> None:
        self._log_folder = log_folder
        self._tick_seconds = tick_seconds
        self._target = target
        self._queue: deque[Job] = deque()
        self._workers: list[Worker | None] = [None] * workers

    def add(self, job: Job) -> None:
        """Queue one more job."""
        self._queue.append(job)

    def stop(self, name: str) -> None:
        """Kill the process that executes a job, if one does: the job then ends with `Died`."""
        for worker in self._busy():
            if worker.job is not None and worker.job.name == name:
                worker.process.kill()
                worker.process.join()  # before it can be handed another job

    def execute(self, jobs: Sequence[Job]) -> Generator[Message | None, None, None]:
        """Yield what happens until every job has ended; None where nothing does for `tick_seconds`.

        Closed early, it kills the workers that are executing a job.
        """
        self._queue.extend(jobs)
        try:
            while self._assign() or self._busy():
                ready = wait([worker.pipe for worker in self._busy()], self._tick_seconds)
                if not ready:
                    yield None
                for worker in [worker for worker in self._busy() if worker.pipe in ready]:
                    yield self._received(worker)
        finally:
            self._queue.clear()
            for worker in self._busy():
                self._remove(worker)

    def close(self) -> None:
        """End all workers."""
        for worker in [worker for worker in self._workers if worker is not None]:
            self._remove(worker)

    def _busy(self) -> list[Worker]:
        return [worker for worker in self._workers if worker is not None and worker.job is not None]

    def _assign(self) -> bool:
        """Hand queued jobs to idle workers; return whether there were any."""
        assigned = False
        for place, worker in enumerate(self._workers):
            if self._queue and (worker is None or worker.job is None):
                self._workers[place] = self._with_job(worker, place, self._queue.popleft())
                assigned = True
        return assigned

    def _with_job(self, worker: Worker | None, place: int, job: Job) -> Worker:
        order = as_bytes(job.order)
        if worker is not None:
            with suppress(OSError):  # it died while it was idle
                worker.pipe.send_bytes(order)
                worker.job = job
                return worker
            worker.kill()
        log = self._log_folder / f"worker-{place}.log"
        worker = Worker(*start_process(self._target, log), log)
        with suppress(OSError):  # it died at once: the end of its pipe is noticed
            worker.pipe.send_bytes(order)
        worker.job = job
        return worker

    def _received(self, worker: Worker) -> Message:
        """Return the next message of a worker; the end of its pipe, also in the middle of a message, is its death."""
        job = worker.job
        assert job is not None
        try:
            event = parse_event(json.loads(worker.pipe.recv_bytes()))
        except (EOFError, OSError):
            self._remove(worker)
            return Message(job, Died(_crash_message(worker)))
        if ends(event):
            worker.job = None
        return Message(job, event)

    def _remove(self, worker: Worker) -> None:
        worker.kill()
        self._workers[self._workers.index(worker)] = None


def start_process(target: Callable[..., None], log: Path) -> tuple[BaseProcess, Connection]:
    """Start a process that calls a function with a pipe, a log, a folder and an environment; return it and the pipe."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    context = multiprocessing.get_context("forkserver" if warm_up() else "spawn")
    here, there = context.Pipe()
    process = context.Process(  # type: ignore[attr-defined]
        target=target, args=(there, log, Path.cwd(), dict(os.environ)), daemon=True
    )
    with without_main():
        process.start()
    there.close()
    return process, here


def _crash_message(worker: Worker) -> str:
    code = worker.process.exitcode or 0
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    printed = worker.log.read_text(encoding="utf-8", errors="replace").strip() if worker.log.exists() else ""
    last = printed[-LAST_CHARACTERS:].splitlines()[-1:]
    return f"worker process {how}{''.join(f': {line}' for line in last)}; rerun the command to resume"
