"""Worker processes on this machine, side by side, each working through jobs one after another.

A worker reads a job a line from its standard input and answers with messages, a line each, until one of them ends the
job. JSON on pipes: nothing is pickled, and a worker that is killed is seen as the end of its pipe.
"""

import json
import subprocess
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

LAST_JOB = None


@dataclass(frozen=True)
class Job:
    """Something to do: a name that the messages about it carry, and what the worker is told."""

    name: str
    order: dict[str, Any]


@dataclass(frozen=True)
class Message:
    """What a worker said about a job. `ends` holds in the last message of a job."""

    job: Job
    body: dict[str, Any]
    ends: bool


class LocalEngine:
    """Runs jobs in `workers` processes of one command; `log_folder` takes what they print."""

    def __init__(self, command: Sequence[str], workers: int, log_folder: Path) -> None:
        self._command = list(command)
        self._workers = workers
        self._log_folder = log_folder
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._stopping = False

    def execute(self, jobs: Sequence[Job]) -> Generator[Message, None, None]:
        """Yield what the workers say until every job has ended. Leaving early ends the processes.

        A job whose process dies ends with a message {"event": "died", "exit_code": ..., "log": ...}.
        """
        waiting: SimpleQueue[Job | None] = SimpleQueue()
        messages: SimpleQueue[Message | BaseException] = SimpleQueue()
        n_workers = min(self._workers, len(jobs))
        for entry in [*jobs, *[LAST_JOB] * n_workers]:
            waiting.put(entry)
        self._log_folder.mkdir(parents=True, exist_ok=True)
        threads = [
            threading.Thread(target=self._serve, args=(number, waiting, messages), daemon=True)
            for number in range(n_workers)
        ]
        for thread in threads:
            thread.start()
        try:
            remaining = len(jobs)
            while remaining:
                message = messages.get()
                if isinstance(message, BaseException):
                    raise message
                remaining -= message.ends
                yield message
        finally:
            self._stop()

    def _serve(
        self,
        number: int,
        waiting: "SimpleQueue[Job | None]",
        messages: "SimpleQueue[Message | BaseException]",
    ) -> None:
        try:
            while (job := waiting.get()) is not None and not self._stopping:
                for message in self._talk(number, job):
                    messages.put(message)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            messages.put(error)

    def _talk(self, number: int, job: Job) -> Iterator[Message]:
        process = self._process(number)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(job.order) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it died while idle: the empty pipe below says so
        for line in process.stdout:
            if not line.endswith("\n"):
                break  # half a line: it was killed while it spoke
            body = json.loads(line)
            yield Message(job, body, ends=bool(body.get("ends")))
            if body.get("ends"):
                return
        code = process.wait()
        _close_pipes(process)
        log = self._log(number).read_text(errors="replace").strip()
        yield Message(job, {"event": "died", "exit_code": code, "log": log[-2000:]}, ends=True)

    def _process(self, number: int) -> "subprocess.Popen[str]":
        process = self._processes.get(number)
        if process is None or process.poll() is not None:
            with self._log(number).open("w") as log:
                process = subprocess.Popen(  # in a session of its own: Ctrl-C is the coordinator's to handle
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    start_new_session=True,
                )
            self._processes[number] = process
        return process

    def _log(self, number: int) -> Path:
        return self._log_folder / f"worker-{number}.log"

    def _stop(self) -> None:
        self._stopping = True
        for process in self._processes.values():
            process.kill()  # checkpoints are whole at any moment, so nothing is lost
        for process in self._processes.values():
            process.wait()
            _close_pipes(process)


def _close_pipes(process: "subprocess.Popen[str]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):  # closing flushes what a dead process will never read
                pipe.close()
