"""A real sweep that is as small as it can be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from overthink.launching.planned_run import PlannedRun
from overthink.launching.public import Silent
from overthink.running.events import Event
from overthink.sweep.ask_tell import Asked
from overthink.sweep.definition import LoadedSweep, load_sweep
from overthink.training.epoch_record import EpochRecord
from support.small import FEW_IMAGES, FEW_LAYERS, definition

SWEEP: dict[str, Any] = {
    "schema_version": 1,
    "kind": "sweep",
    "name": "tiny-sweep",
    "description": "Two learning rates and a width, for tests.",
    "experiment": "small.yaml",
    "objectives": [{"metric": "val/accuracy/last"}],
    "space": {"regime.0.lr": {"float": [0.01, 0.2], "log": True}, "network.growth": {"choice": [2, 4]}},
    "sampler": {"kind": "random"},
    "trials": 3,
}
QUICK = {"regime": [{"epochs": 2}], "network": FEW_LAYERS, "dataset": FEW_IMAGES}


def sweep_file(folder: Path, of: dict[str, Any] = QUICK, **changes: Any) -> Path:
    """Write the small definition and a sweep over it, with changes, to files."""
    definition(folder, **of)
    path = folder / "tiny-sweep.yaml"
    path.write_text(yaml.safe_dump(SWEEP | changes, sort_keys=False))
    return path


def tiny_sweep(folder: Path, of: dict[str, Any] = QUICK, **changes: Any) -> LoadedSweep:
    """Return the tiny sweep, with changes."""
    return load_sweep(sweep_file(folder, of, **changes))


class RecordingListener(Silent):
    """A listener that records its calls."""

    def __init__(self) -> None:
        self.starts: list[tuple[int, bool]] = []
        """Trial numbers, and whether they were resumed."""
        self.endings: list[tuple[int, str, tuple[float, ...], str]] = []
        self.epochs: list[tuple[str, int]] = []

    def on_event(self, run: PlannedRun, event: Event) -> None:
        if isinstance(event, EpochRecord):
            self.epochs.append((run.key, event.epoch))

    def on_trial_start(self, asked: Asked, wanted: int) -> None:
        assert asked.number < wanted
        self.starts.append((asked.number, asked.resumed))

    def on_trial_end(
        self, asked: Asked, outcome: str, values: Sequence[float], message: str, best: float | None
    ) -> None:
        self.endings.append((asked.number, outcome, tuple(values), message))
