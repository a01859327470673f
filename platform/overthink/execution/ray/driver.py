"""The process between a coordinator and a Ray cluster: commands in on its standard input, events out.

Its end ends what runs on the cluster, and so does the end of its input, however the coordinator ended.
"""

import json
import os
import re
import sys
import threading
from collections import deque
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TextIO

from overthink.execution.driver_messages import Add, Command, DriverMessage, EventOf, Gone, Note, as_line, command_in
from overthink.execution.ray.connecting import ClusterError, connected
from overthink.execution.ray.files import File, files_in, write
from overthink.execution.resources import Resources, parse_resources
from overthink.running.events import Died, EndedEarly, Failed, Lost, ends, parse_event
from overthink.running.run_files import LABELLED_BY, MAIN
from overthink.training.regime import (
    OWN_CHECKPOINT,
    PARENT_CHECKPOINT,
    PREVIOUS_CHECKPOINT,
    STORED_CHECKPOINT,
    snapshot_name,
)

TRAVEL_ALONG = (
    *(OWN_CHECKPOINT, PREVIOUS_CHECKPOINT, STORED_CHECKPOINT, PARENT_CHECKPOINT),
    *(f"{MAIN}/*", f"{LABELLED_BY}/*/*"),
)
COMES_BACK = re.compile(r"\w+\.parquet|" + re.escape(snapshot_name(0)).replace("0", "[0-9]{1,8}"))
"""Names of files of a run, beside its checkpoint."""
LISTEN_SECONDS = 0.2
AHEAD = 2
"""Jobs that wait on the cluster itself: an autoscaler sees that they would like a machine."""


class Submitted(NamedTuple):
    """A job that is on the cluster."""

    name: str
    folder: Path
    """Of the coordinator's, where files that come back belong."""


class Driver:
    """Keeps as many jobs on the cluster as it has room for, and relays their events."""

    def __init__(self, resources: Resources, at_most: int | None, reports: TextIO) -> None:
        import ray

        from overthink.execution.ray.task import train_there

        self._ray = ray
        self._resources = resources
        self._at_most = at_most
        self._reports = reports
        self._task = ray.remote(train_there).options(
            num_cpus=resources.cpu,
            num_gpus=resources.gpu,
            resources=dict(resources.other),
            max_retries=0,  # what is sent again must begin with the last checkpoint, which Ray does not know of
            num_returns="streaming",
        )
        self._waiting: deque[Add] = deque()
        self._running: dict[Any, Submitted] = {}
        """Ray's generator of what a job yields -> the job."""
        self._noted = ""

    def serve(self, commands: "SimpleQueue[Command | None]") -> None:
        """Take commands until there are no more to come."""
        self._survey()
        while True:
            try:
                command = commands.get(timeout=0.0 if self._running else LISTEN_SECONDS)
            except Empty:
                self._fill()
                self._listen()
                continue
            match command:
                case None:
                    return
                case Add():
                    self._waiting.append(command)
                case _:
                    self._stop(command.job)

    def leave(self) -> None:
        """End what runs."""
        for generator in self._running:
            self._ray.cancel(generator, force=True)

    def _survey(self) -> int:
        """Return how many jobs the cluster has room for; send a note where that has changed."""
        from overthink.execution.ray.machines import machines, room, room_sentence

        found = machines()
        if (sentence := room_sentence(found, self._resources)) != self._noted:
            self._noted = sentence
            self._send(Note(sentence))
        return room(found, self._resources)

    def _fill(self) -> None:
        if not self._waiting:
            return
        most = min(self._survey() + AHEAD, self._at_most or sys.maxsize)
        while self._waiting and len(self._running) < most:
            add = self._waiting.popleft()
            try:
                job = Submitted(add.job, Path(add.order.folder))
                files = {file.name: file.content for file in files_in(job.folder, TRAVEL_ALONG)}
                self._running[self._task.remote(add.order, files)] = job
            except OSError as error:
                self._send(EventOf(add.job, Failed(str(error))))

    def _stop(self, name: str) -> None:
        for add in [add for add in self._waiting if add.job == name]:
            self._waiting.remove(add)
            self._send(EventOf(name, Died("it was stopped before it began")))
        for generator, job in self._running.items():
            if job.name == name:
                self._ray.cancel(generator, force=True)

    def _listen(self) -> None:
        if not self._running:
            return
        jobs = list(self._running)
        ready, _ = self._ray.wait(jobs, num_returns=1, timeout=LISTEN_SECONDS, fetch_local=False)
        if ready:  # all that are ready, so that the first one does not hold up the others
            ready, _ = self._ray.wait(jobs, num_returns=len(jobs), timeout=0, fetch_local=False)
        for generator in ready:
            self._receive(generator, self._running[generator])

    def _receive(self, generator: Any, job: Submitted) -> None:
        """Relay the next thing that a job yields, or how it has ended."""
        try:
            yielded = self._ray.get(next(generator))
            if isinstance(yielded, File):
                if yielded.name != OWN_CHECKPOINT and not COMES_BACK.fullmatch(yielded.name):
                    raise ValueError(f"a machine sent a file that does not belong to a run: {yielded.name!r}")
                write(job.folder, {yielded.name: yielded.content})
                return
            event = parse_event(json.loads(yielded))
        except (StopIteration, self._ray.exceptions.RayError) as error:  # first: errors over there are OSErrors, too
            event = self._ending(error)
            self._ray.cancel(generator, force=True)  # lost to us, it may still be running
        except (OSError, ValueError) as error:  # of this machine's disk, or a bad name; other machines may do better
            event = Failed(str(error))
            self._ray.cancel(generator, force=True)
        if ends(event):
            del self._running[generator]
        self._send(EventOf(job.name, event))

    def _ending(self, error: Exception) -> EndedEarly | Lost:
        """Return how a job has ended by an error of Ray's: a lost machine is no fault of the job's."""
        match error:
            case self._ray.exceptions.TaskCancelledError():
                return Died("it was stopped")
            case self._ray.exceptions.RayTaskError():
                return Failed(f"{type(error.cause).__name__}: {error.cause}")
            case StopIteration():
                return Lost("it ended without a message")
            case _:
                return Lost(" ".join(str(error).split()).partition(". ")[0])

    def _send(self, message: DriverMessage) -> None:
        self._reports.write(as_line(message))
        self._reports.flush()


def main() -> None:
    """Serve: `python -m overthink.execution.ray.driver RESOURCES AT_MOST`."""
    resources, at_most = parse_resources(sys.argv[1]), int(sys.argv[2]) or None
    reports = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # Ray prints about machines
    commands: SimpleQueue[Command | None] = SimpleQueue()
    threading.Thread(target=_read, args=(commands,), daemon=True).start()
    try:
        with connected():
            driver = Driver(resources, at_most, reports)
            try:
                driver.serve(commands)
            finally:
                driver.leave()
    except ClusterError as error:
        reports.write(as_line(Gone(str(error))))
        reports.flush()


def _read(commands: "SimpleQueue[Command | None]") -> None:
    for line in sys.stdin:
        commands.put(command_in(line))
    commands.put(None)


if __name__ == "__main__":
    main()
