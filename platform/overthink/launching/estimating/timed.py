"""Paces of the phases of planned runs: from the cache, else timed by processes that compute side by side."""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from overthink.execution.local import start_process
from overthink.kept import Kept, code_of
from overthink.launching.estimating.machine import machine
from overthink.launching.estimating.timing_process import TimingOrder, time_steps
from overthink.launching.outcomes import Options
from overthink.launching.planned_run import PlannedRun
from overthink.plugins.modules import named_modules
from overthink.running.pace import Pace, PhaseOfRun
from overthink.sentences import number_of

TIMED = ("data", "metrics", "networks", "predictions", "running", "training")
"""Packages that decide how fast a training is."""
_PACE = TypeAdapter(Pace)
_PACES = Kept("estimates", _PACE)


class Timed(NamedTuple):
    """Paces by the key of a phase, and why other phases have none, a sentence each."""

    paces: dict[str, Pace]
    problems: list[str]


def phases_of(run: PlannedRun) -> list[PhaseOfRun]:
    """Return the phases of a run; of one that trains nothing, its evaluation."""
    return [PhaseOfRun(run.run, phase) for phase in range(len(run.run.regime))] or [PhaseOfRun(run.run, None)]


def timed(runs: Sequence[PlannedRun], options: Options, at_once: int, on_message: Callable[[str], None]) -> Timed:
    """Return the paces of all distinct phases of runs, with `at_once` processes computing side by side."""
    wanted = {phase.key: phase for run in runs for phase in phases_of(run)}
    questions = {key: _question(phase, options, at_once) for key, phase in wanted.items()}
    paces = {key: found for key, question in questions.items() if (found := _PACES.get(question)) is not None}
    missing = {key: phase for key, phase in wanted.items() if key not in paces}
    problems: dict[str, None] = {}
    if missing:
        side_by_side = f", {at_once} at once" if at_once > 1 else ""
        on_message(f"Timing a few steps of {number_of(len(missing), 'phase')} on this machine{side_by_side}.")
        with _processes(at_once) as processes:
            for key, phase in missing.items():
                try:
                    paces[key] = _measured(processes, phase, options)
                    _PACES.put(questions[key], paces[key])
                except ValueError as error:
                    problems[str(error)] = None
                except (EOFError, OSError):  # it was killed while it computed, or before it was told to go on
                    problems["a process that timed steps ended unexpectedly"] = None
                    break
    return Timed(paces, list(problems))


@contextmanager
def _processes(count: int) -> Iterator[list[Connection]]:
    """Give pipes to that many processes, which end with the block."""
    started: list[tuple[BaseProcess, Connection]] = []
    with tempfile.TemporaryDirectory() as logs:
        try:
            started.extend(start_process(time_steps, Path(logs) / f"{number}.log") for number in range(count))
            yield [pipe for _, pipe in started]
        finally:
            for process, pipe in started:
                process.kill()
                process.join()
                pipe.close()


def _measured(pipes: Sequence[Connection], phase: PhaseOfRun, options: Options) -> Pace:
    """Return the mean pace of a phase over processes; raises ValueError where it cannot be timed."""
    order = TimingOrder(
        run=json.dumps(phase.run.model_dump(mode="json")),
        phase=phase.phase,
        device=_device(phase, options),
        data_root=str(options.data_root.absolute()) if options.data_root else None,
        plugins=named_modules(),
    ).as_bytes()
    for pipe in pipes:
        pipe.send_bytes(order)
    ready = [json.loads(pipe.recv_bytes()) for pipe in pipes]
    for pipe, answer in zip(pipes, ready, strict=True):
        if "problem" not in answer:
            pipe.send_bytes(b"go")
    found = [
        answer if "problem" in answer else json.loads(pipe.recv_bytes())
        for pipe, answer in zip(pipes, ready, strict=True)
    ]
    for answer in found:
        if "problem" in answer:
            raise ValueError(f"no steps could be timed: {answer['problem']}")
    paces = [_PACE.validate_python(answer["pace"]) for answer in found]
    means = {name: mean(getattr(pace, name) for pace in paces) for name in ("load", "epoch", "sample", "finish")}
    return paces[0]._replace(**means)


def _device(phase: PhaseOfRun, options: Options) -> str:
    return "cpu" if phase.run.kernels == "native" else options.device


def _question(phase: PhaseOfRun, options: Options, at_once: int) -> dict[str, Any]:
    device = _device(phase, options)
    return {"phase": phase.key, "at_once": at_once, "device": device, **machine(device), **code_of(*TIMED)}
