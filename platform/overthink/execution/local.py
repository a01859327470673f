"""Worker processes on this machine, side by side, each working through jobs one after another.

A worker reads a job a line from its standard input and answers with messages, a line each, until one of them ends the
job. JSON on pipes: nothing is pickled, and a worker that is killed is seen as the end of its pipe.
"""

import json
import subprocess
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from overthink.execution.jobs import Job, Message

LAST_JOB = None


class LocalEngine:
    """Runs jobs in up to `workers` processes of one command; `log_folder` takes what they print."""

    def __init__(self, command: Sequence[str], workers: int, log_folder: Path, tick_seconds: float = 60.0) -> None:
        self._command = list(command)
        self._workers = workers
        self._log_folder = log_folder
        self._tick_seconds = tick_seconds
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._at: dict[int, str] = {}
        """Number of a worker -> the name of the job that it is at."""
        self._at_lock = threading.Lock()
        self._waiting: SimpleQueue[Job | None] = SimpleQueue()
        self._messages: SimpleQueue[Message | BaseException] = SimpleQueue()
        self._remaining = 0
        self._stopping = False

    def add(self, job: Job) -> None:
        """Give the workers one more job while they work."""
        self._remaining += 1
        self._waiting.put(job)

    def stop(self, name: str) -> None:
        """Kill the process that is at a job, if one is: the job's last message is then that it died."""
        with self._at_lock:  # so that it cannot meanwhile be at the next job
            for number, at in self._at.items():
                if at == name:
                    self._processes[number].kill()
                    self._processes[number].wait()

    def execute(self, jobs: Sequence[Job]) -> Generator[Message | None, None, None]:
        """Yield what the workers say until every job has ended. Leaving early ends the processes.

        A job whose process dies ends with a message {"event": "died", "exit_code": ..., "log": ...}. None: nobody has
        said anything for `tick_seconds`.
        """
        for job in jobs:
            self.add(job)
        self._log_folder.mkdir(parents=True, exist_ok=True)
        for number in range(self._workers):
            threading.Thread(target=self._serve, args=(number,), daemon=True).start()
        try:
            while self._remaining:
                message = self._next_message()
                self._remaining -= message is not None and message.ends
                yield message
        finally:
            self._stop()

    def _next_message(self) -> Message | None:
        try:
            message = self._messages.get(timeout=self._tick_seconds)
        except Empty:
            return None
        if isinstance(message, BaseException):
            raise message
        return message

    def _serve(self, number: int) -> None:
        try:
            while (job := self._waiting.get()) is not None and not self._stopping:
                for message in self._talk(number, job):
                    self._messages.put(message)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            self._messages.put(error)

    def _talk(self, number: int, job: Job) -> Iterator[Message]:
        process = self._process(number)
        with self._at_lock:
            self._at[number] = job.name
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
            if body.get("ends"):
                self._leave(number)
                yield Message(job, body, ends=True)
                return
            yield Message(job, body, ends=False)
        code = process.wait()
        self._leave(number)
        _close_pipes(process)
        log = self._log(number).read_text(errors="replace").strip()
        yield Message(job, {"event": "died", "exit_code": code, "log": log[-2000:]}, ends=True)

    def _leave(self, number: int) -> None:
        with self._at_lock:
            del self._at[number]

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
        for _ in range(self._workers):
            self._waiting.put(LAST_JOB)
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
