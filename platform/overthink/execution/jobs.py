"""What engines have in common: they take jobs, and yield what happens to them."""

import json
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from pydantic import TypeAdapter

from overthink.running.events import Event


class EngineError(OSError):
    """What executes the jobs is gone, for all of them; the message is a sentence."""


@dataclass(frozen=True)
class Order:
    """What a worker needs to train a run; plain values, so that it can cross a pipe as JSON."""

    run: str
    """The run's definition as JSON."""
    folder: str
    """Where its checkpoint is and its predictions go."""
    device: str
    data_root: str | None
    parent_key: str | None
    """Key of the run whose checkpoint in the folder the run begins with, if there is one."""
    checkpoint_seconds: float
    """How often at most a checkpoint is sent back from another machine."""
    plugins: tuple[str, ...] = ()
    """Modules that a person has named, for a worker to import."""


_ORDER = TypeAdapter(Order)


def as_bytes(order: Order) -> bytes:
    """Return an order as JSON; paths in it need not be UTF-8."""
    return json.dumps(asdict(order)).encode()


def order_in(content: bytes) -> Order:
    """Return the order that `as_bytes` wrote."""
    return _ORDER.validate_python(json.loads(content))


@dataclass(frozen=True)
class Job:
    """A run to execute, and the name that its messages carry."""

    name: str
    order: Order


@dataclass(frozen=True)
class Message:
    """What happened to a job."""

    job: Job
    event: Event


class Engine(Protocol):
    """Where jobs execute. Used by one thread."""

    def add(self, job: Job) -> None:
        """Queue one more job while others run."""

    def stop(self, name: str) -> None:
        """Kill the process of a job, if it runs: the job then ends with `Died`."""

    def execute(self, jobs: Sequence[Job]) -> Generator[Message | None, None, None]:
        """Yield what happens until every job has ended; None now and then. Closed early, it kills what runs.

        A job whose process dies ends with `Died`; one whose machine is lost, with `Lost`, and may be added again.
        """

    def close(self) -> None:
        """End all processes."""
