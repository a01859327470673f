"""What happens to a run while it trains: one type an event, from the worker to the progress bar.

A run yields `Started`, an `EpochRecord` an epoch, and `Finished`. What ends it otherwise has a message. Events cross
process boundaries as JSON and are parsed once where they arrive (`parse_event`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from overthink.training.epoch_record import EpochRecord


@dataclass(frozen=True)
class Started:
    """The data are loaded and the network is built."""

    dataset: str
    digest: str
    """SHA-256 of the data."""
    samples: dict[str, int]
    """Number of samples in train, val and test."""
    parameters: tuple[int, ...]
    """Per exit, cumulative."""
    mul_adds: tuple[int, ...]
    """Per exit, cumulative."""
    history: tuple[EpochRecord, ...]
    """Epochs of earlier attempts, read from the checkpoint; empty for a new run."""
    settings: dict[str, str | int | bool]
    """Device, threads and the determinism settings, as torch reports them."""
    environment: dict[str, Any] | None = None
    """Code, versions and machine of a worker on another machine; None for this one."""
    notes: tuple[str, ...] = ()
    """What a person should know of the data, a sentence each."""


@dataclass(frozen=True)
class Finished:
    """The predictions and the last checkpoint are in the run's folder."""


@dataclass(frozen=True)
class Diverged:
    """The loss left the finite numbers."""

    message: str


@dataclass(frozen=True)
class Failed:
    """The run cannot be trained, or not be recorded."""

    message: str


@dataclass(frozen=True)
class Died:
    """The worker process ended before the run did."""

    message: str


@dataclass(frozen=True)
class Lost:
    """The machine of the worker was lost; the run is queued again."""

    message: str


@dataclass(frozen=True)
class Pruned:
    """The run was stopped on purpose; its checkpoint stays."""

    message: str


Event = Started | EpochRecord | Finished | Diverged | Failed | Died | Lost | Pruned
EndedEarly = Diverged | Failed | Died | Pruned
"""Events after which a run has ended without results."""
NAMES: dict[type[Event], str] = {
    Started: "started",
    EpochRecord: "epoch",
    Finished: "finished",
    Diverged: "diverged",
    Failed: "failed",
    Died: "died",
    Lost: "lost",
    Pruned: "pruned",
}
_ADAPTERS: dict[str, TypeAdapter[Event]] = {name: TypeAdapter(kind) for kind, name in NAMES.items()}


def ends(event: Event) -> bool:
    """Return whether nothing follows an event: the worker is free for another run."""
    return not isinstance(event, Started | EpochRecord)


def as_json(event: Event) -> dict[str, Any]:
    """Return an event as plain data; its name is under `event`."""
    return {"event": NAMES[type(event)], **asdict(event)}


def parse_event(raw: Mapping[str, Any]) -> Event:
    """Return the event that `as_json` wrote; raises ValueError where it is none."""
    fields = dict(raw)
    adapter = _ADAPTERS.get(fields.pop("event", ""))
    if adapter is None:
        raise ValueError(f"not an event of a run: {str(raw)[:200]}")
    return adapter.validate_python(fields)
