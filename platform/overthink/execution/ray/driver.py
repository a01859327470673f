"""The process between a coordinator and a Ray cluster: orders in on its standard input, what comes of them out.

Its end ends what runs on the cluster, and so does the end of its input, however the coordinator ended.
"""

import json
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TextIO

from overthink.execution.ray.connecting import ClusterError, connected
from overthink.execution.ray.files import File, files_in, write
from overthink.execution.resources import Resources, parse_resources
from overthink.running.run_data import MAIN
from overthink.training.regime import OWN_CHECKPOINT, PARENT_CHECKPOINT, PREVIOUS_CHECKPOINT, STORED_CHECKPOINT

TRAVEL_ALONG = (OWN_CHECKPOINT, PREVIOUS_CHECKPOINT, STORED_CHECKPOINT, PARENT_CHECKPOINT, f"{MAIN}/*")
LISTEN_SECONDS = 0.2
AHEAD = 2
"""Jobs that wait on the cluster itself: an autoscaler sees that they would like a machine."""


class Asked(NamedTuple):
    """A job that is on the cluster."""

    name: str
    folder: Path
    """Of the coordinator's, where files that come back belong."""


class Driver:
    """Keeps as many jobs on the cluster as it has room for, and relays what they say."""

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
        self._waiting: deque[dict[str, Any]] = deque()
        self._running: dict[Any, Asked] = {}
        """Ray's generator of what a job yields -> the job."""
        self._said = ""

    def serve(self, orders: "SimpleQueue[dict[str, Any] | None]") -> None:
        """Take orders until there are no more to come."""
        self._survey()
        while True:
            try:
                order = orders.get(timeout=0.0 if self._running else LISTEN_SECONDS)
            except Empty:
                self._fill()
                self._listen()
                continue
            if order is None:
                return
            if order["do"] == "add":
                self._waiting.append(order)
            else:
                self._stop(order["job"])

    def leave(self) -> None:
        """End what runs."""
        for generator in self._running:
            self._ray.cancel(generator, force=True)

    def _survey(self) -> int:
        """Return how many jobs the cluster has room for; say what it has where that is news."""
        from overthink.execution.ray.machines import machines, room, said

        found = machines()
        if (sentence := said(found, self._resources)) != self._said:
            self._said = sentence
            self._say({"note": sentence})
        return room(found, self._resources)

    def _fill(self) -> None:
        if not self._waiting:
            return
        most = min(self._survey() + AHEAD, self._at_most or sys.maxsize)
        while self._waiting and len(self._running) < most:
            job = self._waiting.popleft()
            try:
                self._begin(Asked(job["job"], Path(job["order"]["folder"])), job["order"])
            except OSError as error:
                self._say({"job": job["job"], "event": "failed", "message": str(error), "ends": True})

    def _begin(self, asked: Asked, order: Mapping[str, Any]) -> None:
        files = {file.name: file.content for file in files_in(asked.folder, TRAVEL_ALONG)}
        self._running[self._task.remote(order, files)] = asked

    def _stop(self, name: str) -> None:
        for job in [job for job in self._waiting if job["job"] == name]:
            self._waiting.remove(job)
            self._say({"job": name, "event": "died", "message": "it was stopped before it began", "ends": True})
        for generator, asked in self._running.items():
            if asked.name == name:
                self._ray.cancel(generator, force=True)

    def _listen(self) -> None:
        if not self._running:
            return
        jobs = list(self._running)
        ready, _ = self._ray.wait(jobs, num_returns=1, timeout=LISTEN_SECONDS, fetch_local=False)
        if ready:  # all of those, so that nobody is drowned out by who comes first
            ready, _ = self._ray.wait(jobs, num_returns=len(jobs), timeout=0, fetch_local=False)
        for generator in ready:
            self._hear(generator, self._running[generator])

    def _hear(self, generator: Any, asked: Asked) -> None:
        """Relay the next thing that a job says, or how it has ended."""
        try:
            said = self._ray.get(next(generator))
            if isinstance(said, File):
                if said.name != OWN_CHECKPOINT and not re.fullmatch(r"\w+\.parquet", said.name):
                    raise ValueError(f"a machine sent a file that is none of a run's: {said.name!r}")
                write(asked.folder, {said.name: said.content})
                return
            report = json.loads(said)
        except (StopIteration, self._ray.exceptions.RayError) as error:  # first: errors over there are OSErrors, too
            report = {**self._ending(error), "ends": True}
            self._ray.cancel(generator, force=True)  # lost to us, it may still be at work
        except (OSError, ValueError) as error:  # of this machine's disk, or a name that is none; others may do better
            report = {"event": "failed", "message": str(error), "ends": True}
            self._ray.cancel(generator, force=True)
        if report["ends"]:
            del self._running[generator]
        self._say({"job": asked.name, **report})

    def _ending(self, error: Exception) -> dict[str, Any]:
        """Return what an error of Ray's says of a job: a lost machine is no fault of the job's."""
        match error:
            case self._ray.exceptions.TaskCancelledError():
                return {"event": "died", "message": "it was stopped"}
            case self._ray.exceptions.RayTaskError():
                return {"event": "failed", "message": f"{type(error.cause).__name__}: {error.cause}"}
            case StopIteration():
                return {"event": "lost", "message": "it ended without a word"}
            case _:
                return {"event": "lost", "message": " ".join(str(error).split()).partition(". ")[0]}

    def _say(self, body: Mapping[str, Any]) -> None:
        self._reports.write(json.dumps(body) + "\n")
        self._reports.flush()


def main() -> None:
    """Serve: `python -m overthink.execution.ray.driver RESOURCES AT_MOST`."""
    resources, at_most = parse_resources(sys.argv[1]), int(sys.argv[2]) or None
    reports = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # Ray prints what it hears of machines
    orders: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
    threading.Thread(target=_read, args=(orders,), daemon=True).start()
    try:
        with connected():
            driver = Driver(resources, at_most, reports)
            try:
                driver.serve(orders)
            finally:
                driver.leave()
    except ClusterError as error:
        reports.write(json.dumps({"gone": str(error)}) + "\n")
        reports.flush()


def _read(orders: "SimpleQueue[dict[str, Any] | None]") -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    orders.put(None)


if __name__ == "__main__":
    main()
