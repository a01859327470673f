"""Jobs on a cluster, by way of one process that talks to it.

Apart from the coordinator because a cluster's library ends the process that uses it when its machine's part of the
cluster ends, and prints where results belong. JSON on pipes, as with local workers: one line a message, with its job.
"""

import json
import re
import subprocess
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from overthink.execution.jobs import EngineError, Job, Message

LEAVING_SECONDS = 20.0
"""How long the process has to end what runs on the cluster."""


class ClusterEngine:
    """Hands jobs to one process of a command, which says what comes of them; `say` hears what it notes of the cluster.

    `log` takes what the process prints beside that.
    """

    def __init__(
        self, command: Sequence[str], log: Path, say: Callable[[str], None], tick_seconds: float = 60.0
    ) -> None:
        self._command = list(command)
        self._log = log
        self._say = say
        self._tick_seconds = tick_seconds
        self._jobs: dict[str, Job] = {}
        """Those that have not ended."""
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._process: subprocess.Popen[str] | None = None

    def add(self, job: Job) -> None:
        """Hand over one more job."""
        self._jobs[job.name] = job
        self._tell({"do": "add", "job": job.name, "order": job.order})

    def stop(self, name: str) -> None:
        """Have a job ended: its last message is then that it died."""
        self._tell({"do": "stop", "job": name})

    def execute(self, jobs: Sequence[Job]) -> Generator[Message | None, None, None]:
        """Yield what is said until every job has ended; None where nothing is for `tick_seconds`.

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
                if (message := self._heard(line)) is not None:
                    yield message
        finally:
            self._end()

    def _begin(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("w") as log:
            self._process = subprocess.Popen(  # in a session of its own: Ctrl-C is the coordinator's to handle
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                if line.endswith("\n"):  # else it was killed while it spoke
                    self._lines.put(line)
        self._lines.put(None)

    def _heard(self, line: str | None) -> Message | None:
        if line is None:
            raise EngineError(f"the cluster is gone ({self._last_words()}); the same command goes on once it is back")
        body: dict[str, Any] = json.loads(line)
        if "gone" in body:
            raise EngineError(body["gone"])
        if "note" in body:
            self._say(body["note"])
            return None
        ends = bool(body.get("ends"))
        name = body.pop("job")
        job = self._jobs.pop(name) if ends else self._jobs[name]
        return Message(job, body, ends)

    def _last_words(self) -> str:
        assert self._process is not None
        lines = self._log.read_text(errors="replace").strip().splitlines() or ["no word"]
        said = re.sub(r"^\[[^]]*\] (\S+:\d+: )?", "", lines[-1]).partition(". ")[0]  # Ray's say when and where first
        return f"exit code {self._process.wait()}: {said}"

    def _tell(self, what: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the end of the other pipe says so
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()

    def _end(self) -> None:
        """Let the process end what runs; it does so at the end of its input, whoever closes that."""
        process = self._process
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
