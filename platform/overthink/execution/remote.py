"""Jobs on a cluster, executed by way of one driver process that talks to it.

A process of its own, because a cluster's library ends the process that uses it when its machine's part of the cluster
ends, and because it prints to standard output. One JSON object a line: commands in, messages out.
"""

import re
import subprocess
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from overthink.execution.driver_messages import Add, Command, EventOf, Gone, Note, Stop, as_line, message_in
from overthink.execution.jobs import EngineError, Job, Message
from overthink.running.events import ends

LEAVING_SECONDS = 20.0
"""How long the process has to end what runs on the cluster."""


class ClusterEngine:
    """Hands jobs to a driver process (`command`); `on_message` receives what it notes about the cluster.

    `log` takes what the process prints beside that.
    """

    def __init__(
        self, command: Sequence[str], log: Path, on_message: Callable[[str], None], tick_seconds: float = 60.0
    ) -> None:
        self._command = list(command)
        self._log = log
        self._on_message = on_message
        self._tick_seconds = tick_seconds
        self._jobs: dict[str, Job] = {}
        """Those that have not ended."""
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._process: subprocess.Popen[str] | None = None

    def add(self, job: Job) -> None:
        """Hand over one more job."""
        self._jobs[job.name] = job
        self._send(Add(job.name, job.order))

    def stop(self, name: str) -> None:
        """End a job: its last message is then `Died`."""
        self._send(Stop(name))

    def execute(self, jobs: Sequence[Job]) -> Generator[Message | None, None, None]:
        """Yield what happens until every job has ended; None where nothing does for `tick_seconds`.

        Raises EngineError where the cluster cannot be reached, or is gone.
        """
        if not jobs:
            return
        try:
            self._begin()
            for job in jobs:
                self.add(job)
            while self._jobs:
                try:
                    line = self._lines.get(timeout=self._tick_seconds)
                except Empty:
                    yield None
                    continue
                if (message := self._received(line)) is not None:
                    yield message
        finally:
            self.close()

    def close(self) -> None:
        """Let the process end what runs; it does so at the end of its input, whoever closes that."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(BrokenPipeError):
            assert process.stdin is not None
            process.stdin.close()
        try:
            process.wait(LEAVING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _begin(self) -> None:
        self._jobs, self._lines = {}, SimpleQueue()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(  # in a session of its own: Ctrl-C is the coordinator's to handle
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="utf-8",
                start_new_session=True,
            )
        threading.Thread(target=self._read, args=(self._process, self._lines), daemon=True).start()

    def _read(self, process: "subprocess.Popen[str]", lines: "SimpleQueue[str | None]") -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                if line.endswith("\n"):  # else it was killed in the middle of one
                    lines.put(line)
        lines.put(None)

    def _received(self, line: str | None) -> Message | None:
        if line is None:
            raise EngineError(f"the cluster is gone ({self._last_line()}); rerun the command once it is back")
        match message_in(line):
            case Gone(message):
                raise EngineError(message)
            case Note(message):
                self._on_message(message)
                return None
            case EventOf(name, event):
                return Message(self._jobs.pop(name) if ends(event) else self._jobs[name], event)

    def _last_line(self) -> str:
        assert self._process is not None
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["nothing was printed"]
        last = re.sub(r"^\[[^]]*\] (\S+:\d+: )?", "", lines[-1]).partition(". ")[0]  # Ray's begin with time and place
        return f"exit code {self._process.wait()}: {last}"

    def _send(self, command: Command) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the end of the other pipe is noticed
            self._process.stdin.write(as_line(command))
            self._process.stdin.flush()
