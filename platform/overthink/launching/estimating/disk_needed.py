"""How much room what is planned takes, by sizes that were measured while steps were timed."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from overthink.data.files import shown
from overthink.launching.planned_run import TO_DO, PlannedRun
from overthink.running.pace import RunPace
from overthink.store.uri import database_file, state_folder

WITH_TEACHER = 1.5
"""A checkpoint in the midst of a phase with a teacher, relative to one after it: weights and momentum, and weights."""
WEIGHTS_AND_MOMENTUM = 2
"""A checkpoint, relative to its weights alone."""
MODEL_FILES = 100_000
"""Bytes of an MLflow model besides weights, about."""
COURSE_BYTES = 9 / 8
"""Of a recorded answer, at most: confidence, and a bit for whether it is right."""


class DiskNeeded(NamedTuple):
    """Bytes, about."""

    store: int
    """What all runs to do leave in the store: checkpoints, predictions, models and pages, those of groups, too."""
    state: int
    """What runs at work keep in the state folder: a checkpoint and the one before, and what waits to be uploaded."""

    @property
    def text(self) -> str:
        """One sentence."""
        return f"About {_shown(self.store)} in the store, and {_shown(self.state)} in the state folder meanwhile."


def disk_needed(runs: Sequence[PlannedRun], models: bool = False) -> DiskNeeded | None:
    """Return the room that runs to do take; None where it is not known of all of them.

    `models`: with an MLflow model of each network.
    """
    to_do = [(run, run.pace) for run in runs if run.action in TO_DO]
    known = [(run, pace) for run, pace in to_do if pace is not None and pace.paces]
    if not known or len(known) < len(to_do):
        return None
    groups = {run.group.definition.key: pace.paces[-1].page for run, pace in known}
    at_work = sorted((_while_training(run, pace) for run, pace in known), reverse=True)
    at_once = known[0][0].at_once or 1
    stored = sum(_stored(run, pace) + models * _model(pace) for run, pace in known)
    return DiskNeeded(stored + sum(groups.values()), sum(at_work[:at_once]))


def lacking_room(needed: DiskNeeded | None, uri: str) -> list[str]:
    """Return a clause where the disk of the store, or of the state folder, has less room than is needed."""
    database = database_file(uri)
    if needed is None:
        return []
    places = [("unfinished runs (OVERTHINK_STATE)", state_folder(), needed.state)]
    if database is not None:
        places.append(("the store", database.absolute().parent, needed.store))
    found, of_device = [], dict[int, int]()
    for what, folder, size in places:
        above = next(path for path in (folder, *folder.parents) if path.exists())
        device = above.stat().st_dev
        of_device[device] = of_device.get(device, 0) + size
        free = shutil.disk_usage(above).free
        if free < of_device[device]:
            found.append(_too_little(what, above, free, of_device[device]))
    return found[-1:]


def _too_little(what: str, folder: Path, free: int, size: int) -> str:
    return f"the folder of {what}, {shown(folder)}, has {_shown(free)} left on its disk; these runs take {_shown(size)}"


def _stored(run: PlannedRun, pace: RunPace) -> int:
    last = pace.paces[-1]
    snapshots = sum(pace.paces[_phase_of(run, epoch)].checkpoint for epoch in run.run.keep)
    return last.checkpoint + last.predictions + last.page + snapshots + _course(run, pace)


def _model(pace: RunPace) -> int:
    """Return the bytes of an MLflow model: weights without momentum, thresholds, and example images."""
    return pace.paces[-1].checkpoint // WEIGHTS_AND_MOMENTUM + MODEL_FILES


def _while_training(run: PlannedRun, pace: RunPace) -> int:
    teachers = [phase.has_teacher for phase in run.run.regime] or [False]
    largest = max(
        one.checkpoint * (WITH_TEACHER if teacher else 1) for one, teacher in zip(pace.paces, teachers, strict=True)
    )
    parent = pace.paces[0].checkpoint if run.parent is not None else 0
    return int(2 * largest) + parent + _stored(run, pace) - pace.paces[-1].checkpoint


def _course(run: PlannedRun, pace: RunPace) -> int:
    spec = run.run.record
    if spec is None:
        return 0
    samples = len(spec.ids) if spec.ids is not None else pace.paces[0].samples[spec.samples]
    regime, trained = run.run.regime, pace.paces[0].samples["train"]
    steps = [-(-trained // phase.batch_size) for phase in regime]
    moments = len(regime) + spec.recordings([phase.epochs for phase in regime], steps)
    return int(moments * samples * run.run.network.blocks * COURSE_BYTES)


def _phase_of(run: PlannedRun, epoch: int) -> int:
    """Return the phase, from 0, that an epoch, from 1, lies in."""
    ends = 0
    for number, phase in enumerate(run.run.regime):
        ends += phase.epochs
        if epoch <= ends:
            return number
    return len(run.run.regime) - 1


def _shown(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(size / 1e6, 1):.0f} MB"
