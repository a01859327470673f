"""A run of a launch: what is to be done about it, and which runs it builds on."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from filelock import FileLock

from overthink.definition.experiment import Group, LoadedExperiment
from overthink.definition.run_definition import RunDefinition
from overthink.running.pace import RunPace
from overthink.store.run_names import group_name, run_name
from overthink.store.stored import StoredRun
from overthink.store.uri import state_folder

if TYPE_CHECKING:  # it imports MLflow, which takes seconds; what is all finished is planned without it
    from overthink.store.claims import Claims

Action = Literal["train", "resume", "done", "diverged", "busy", "queued"]
TO_DO: tuple[Action, ...] = ("train", "resume")


class Parent(NamedTuple):
    """A run that another one builds on: its first phases, or a training of a policy network's main network."""

    key: str
    run_id: str | None
    """None while it is still to be trained by this very call."""
    phases: int = 0
    """How many of the run's phases it has trained, or will have; of a fork's trunk and a main network 0."""


@dataclass(frozen=True)
class PlannedRun:
    """One run of a group, and what is to be done about it."""

    experiment: LoadedExperiment
    group: Group
    run: RunDefinition
    key: str
    action: Action
    stored: StoredRun | None
    """The run in the store that is done, or that is resumed."""
    forced: bool
    """Whether it is trained although a finished run of its key is in the store."""
    lock: FileLock | None
    """Held while this process trains the run; None in a dry run and where there is nothing to do."""
    newest_ms: int = 0
    """When the newest run of its key in the store began, milliseconds since 1970; 0 without one."""
    claims: "Claims | None" = None
    """Holds this process's claim on the run in the store."""
    parent: Parent | None = None
    """Where its first phases, or a fork's first epochs, come from; None where it trains them itself."""
    main: Parent | None = None
    """Of a policy run that is to be trained, the run whose exits it learns to choose."""
    labelled_by: tuple[Parent, ...] = ()
    """Of a policy run that is to be trained, the runs that its labels are averaged over."""
    pace: RunPace | None = None
    """How long its parts take, of a run that is to be trained; None where that is not known."""
    estimated_seconds: float | None = None
    """How long it takes by its pace, once its data are loaded."""
    at_once: int | None = None
    """How many runs of the launch are trained at once; None where that is not known."""

    @property
    def needs(self) -> tuple[Parent, ...]:
        """The runs that have to end before this one is trained."""
        return tuple(need for need in (self.parent, self.main, *self.labelled_by) if need is not None)

    def release(self) -> None:
        """Release the lock and the claim, so that other processes may train the run."""
        if self.claims is not None:
            from overthink.store.errors import StoreError

            with suppress(StoreError):  # it counts no longer once this process has ended
                self.claims.release(self.key)
        if self.lock is not None:
            self.lock.release()

    @property
    def name(self) -> str:
        """A readable name: seeds, variant and definition."""
        return run_name(self.group_name, self.run.seeds.label)

    @property
    def group_key(self) -> tuple[str, str]:
        """What tells its group apart: the key of its definition, and the experiment; several may ask for the same."""
        return self.group.definition.key, self.experiment.experiment.name

    @property
    def group_name(self) -> str:
        """A readable name of its group."""
        return group_name(self.experiment.experiment.name, self.group.variant, self.group.departs)


def run_folder(key: str) -> Path:
    """Return the folder of an unfinished run."""
    return state_folder() / "runs" / key
