"""What a call has to do: which runs are finished already, which go on from a checkpoint, which are new."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from overthink.definition.experiment import Group, LoadedExperiment, RunDefinition, run_key
from overthink.tracking import tags
from overthink.tracking.liveness import is_gone, this_host, this_process
from overthink.tracking.reader import find_runs
from overthink.tracking.store import Store
from overthink.tracking.stored import StoredRun, newest_per_key

Action = Literal["train", "resume", "done", "diverged", "busy"]
TO_DO: tuple[Action, ...] = ("train", "resume")


@dataclass(frozen=True)
class PlannedRun:
    """One run of a group, and what is to be done about it."""

    experiment: LoadedExperiment
    group: Group
    run: RunDefinition
    key: str
    action: Action
    stored: StoredRun | None
    """The run in the store that is done, or that goes on."""
    lock: FileLock | None
    """Held while this process is at the run; None in a dry run and where there is nothing to do."""

    @property
    def name(self) -> str:
        """A readable name: definition, variant and seeds."""
        return f"{self.group_name} seed {self.run.seeds.label}"

    @property
    def group_name(self) -> str:
        """A readable name of its group."""
        return f"{self.experiment.experiment.name}: {self.group.variant}"


def state_folder() -> Path:
    """Return where unfinished runs keep checkpoints: OVERTHINK_STATE, else `.overthink` in the working directory."""
    return Path(os.environ.get("OVERTHINK_STATE", ".overthink")).absolute()


def run_folder(key: str) -> Path:
    """Return the folder of an unfinished run."""
    return state_folder() / "runs" / key


def plan(
    store: Store, experiments: Sequence[LoadedExperiment], force: bool = False, dry: bool = False
) -> list[PlannedRun]:
    """Return every run that the experiments ask for, once each, in their order. Unless dry, runs to do are locked."""
    planned: dict[str, PlannedRun] = {}
    for experiment in experiments:
        for group in experiment.groups:
            locks = {run_key(run): None if dry else _lock(run_key(run)) for run in group.runs}
            stored = newest_per_key(find_runs(store, kind=tags.KIND_RUN, group_key=group.definition.key))
            for run in group.runs:
                key = run_key(run)
                if key in planned:
                    continue
                action = _action(stored.get(key), force, locked_out=not dry and locks[key] is None)
                lock = locks[key]
                if lock is not None and action not in TO_DO:
                    lock.release()
                    lock = None
                known = stored.get(key) if action != "train" else None
                planned[key] = PlannedRun(experiment, group, run, key, action, known, lock)
    return list(planned.values())


def _action(stored: StoredRun | None, force: bool, locked_out: bool) -> Action:
    if locked_out:
        return "busy"
    if stored is None or (force and stored.outcome != tags.RUNNING):
        return "train"
    if stored.outcome == tags.FINISHED:
        return "done"
    if stored.outcome == tags.DIVERGED:
        return "diverged"
    if stored.outcome == tags.RUNNING and not _abandoned(stored):
        return "busy"
    return "train" if force else "resume"


def _abandoned(stored: StoredRun) -> bool:
    """Tell whether a running run may go on here: its process is gone, or is this one, which does not train it."""
    host, process = stored.tags.get(tags.HOST, ""), stored.tags.get(tags.PROCESS, "")
    return is_gone(host, process) or (host, process) == (this_host(), this_process())


def _lock(key: str) -> FileLock | None:
    folder = state_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{key}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock
