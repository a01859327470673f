"""A process that times steps of training, as a worker would train them; several at once compute side by side."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from overthink.definition.run_definition import RunDefinition, parse_run
from overthink.execution.worker import settle
from overthink.plugins.modules import name_modules
from overthink.running.pace import PhaseOfRun


@dataclass(frozen=True)
class TimingOrder:
    """What is to be timed; plain values, so that it can cross a pipe as JSON."""

    run: str
    """The run's definition as JSON."""
    phase: int | None
    device: str
    data_root: str | None
    plugins: tuple[str, ...] = ()

    def as_bytes(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self)).encode()


_ORDER = TypeAdapter(TimingOrder)


def time_steps(pipe: Connection, log: Path, folder: Path, environment: Mapping[str, str]) -> None:
    """Time what is ordered until the pipe is closed; `log` takes whatever is printed.

    An order is answered with `ready`; steps are timed once a second message comes, so that all processes begin at once.
    Then `pace` is sent. Where something keeps it from being timed, `problem` is sent instead of either.
    """
    settle(log, folder, environment)
    loads: dict[str, float] = {}
    with suppress(EOFError):
        while True:
            _answer(pipe, _ORDER.validate_python(json.loads(pipe.recv_bytes())), loads)


def _answer(pipe: Connection, order: TimingOrder, loads: dict[str, float]) -> None:
    from overthink.running.timing import pace, ready  # torch

    def say(what: str, value: Any) -> None:
        pipe.send_bytes(json.dumps({what: value}).encode())

    try:
        name_modules(order.plugins)
        run = parse_run(order.run, "timing")
        at = ready(PhaseOfRun(run, order.phase), order.device, Path(order.data_root) if order.data_root else None)
        say("ready", None)
        pipe.recv_bytes()
        found = pace(at, lambda folder: _finished(run, folder))
    except (ValueError, OSError, MemoryError, ArithmeticError) as error:
        say("problem", str(error) or type(error).__name__)
        return
    data = run.dataset.model_dump_json()
    loads[data] = max(found.load, loads.get(data, 0.0))  # the data are loaded for the first of its runs alone
    say("pace", found._replace(load=loads[data])._asdict())


def _finished(run: RunDefinition, folder: Path) -> int:
    """Make metrics and a page of predictions in a folder, as a finished run gets them; return the page's bytes."""
    from overthink.metrics.catalogue import compute
    from overthink.predictions.predictions import Predictions
    from overthink.report.run_page import run_page

    validation, test = (Predictions.read(folder / f"{split}.parquet") for split in ("val", "test"))
    compute(validation)
    compute(test, validation)
    return len(run_page(run.key, test, ()).encode())
