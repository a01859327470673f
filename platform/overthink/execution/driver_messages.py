"""What the coordinator and a cluster's driver process send each other: one JSON object a line."""

import json
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter

from overthink.execution.jobs import Order
from overthink.running.events import Event, as_json, parse_event


@dataclass(frozen=True)
class Add:
    """Execute a job."""

    job: str
    order: Order


@dataclass(frozen=True)
class Stop:
    """End a job."""

    job: str


@dataclass(frozen=True)
class Note:
    """Something to know about the cluster."""

    note: str


@dataclass(frozen=True)
class Gone:
    """The cluster cannot be used, and why."""

    gone: str


@dataclass(frozen=True)
class EventOf:
    """What happened to a job."""

    job: str
    event: Event


Command = Add | Stop
DriverMessage = Note | Gone | EventOf
_COMMANDS: dict[str, TypeAdapter[Command]] = {"add": TypeAdapter(Add), "stop": TypeAdapter(Stop)}


def as_line(message: Command | DriverMessage) -> str:
    """Return a message as a line."""
    match message:
        case Add() | Stop():
            plain = {"do": type(message).__name__.lower(), **asdict(message)}
        case EventOf(job, event):
            plain = {"job": job, **as_json(event)}
        case _:
            plain = asdict(message)
    return json.dumps(plain) + "\n"


def command_in(line: str) -> Command:
    """Return the command in a line."""
    plain = json.loads(line)
    return _COMMANDS[plain.pop("do")].validate_python(plain)


def message_in(line: str) -> DriverMessage:
    """Return the driver's message in a line."""
    plain = json.loads(line)
    if "gone" in plain:
        return Gone(plain["gone"])
    if "note" in plain:
        return Note(plain["note"])
    return EventOf(plain.pop("job"), parse_event(plain))
