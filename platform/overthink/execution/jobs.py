"""What engines have in common: they take jobs, and yield what is said about them."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class EngineError(OSError):
    """What runs the jobs is gone, for all of them; the sentence says why."""


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


class Engine(Protocol):
    """Where jobs run."""

    def add(self, job: Job) -> None:
        """Take one more job while others run."""

    def stop(self, name: str) -> None:
        """Kill what is at a job, if anything is: the job's last message is then that it died."""

    def execute(self, jobs: Sequence[Job]) -> Generator[Message | None, None, None]:
        """Yield what is said until every job has ended; None now and then. Leaving early ends what runs.

        A job whose process dies by itself ends with {"event": "died", ...}; one whose machine is lost, with
        {"event": "lost", ...}, and may be added again.
        """
