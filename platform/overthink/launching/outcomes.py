"""Options of a launch, the listener that follows it, and its outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from overthink.execution.resources import ONE_CORE, Resources
from overthink.launching.planned_run import PlannedRun
from overthink.running.events import Event
from overthink.settings import KernelsAsked
from overthink.store import tags

if TYPE_CHECKING:
    from overthink.outbox.sender import PendingUploads  # it imports MLflow

EngineName = Literal["local", "ray"]


@dataclass(frozen=True)
class Options:
    """How to run what a definition asks for; nothing but `kernels` changes a result, and these are in the run key."""

    jobs: int = 1
    """Runs at once; on a cluster 0 stands for as many as it has room for."""
    device: str = "auto"
    data_root: Path | None = None
    force: bool = False
    reuse: bool = True
    """Whether a run begins with the phases that another run of the same seeds has trained already."""
    engine: EngineName = "local"
    resources: Resources = ONE_CORE
    """What a run takes of a cluster."""
    kernels: KernelsAsked = "auto"
    """What computes the training; `auto`: see `kernels_choice`."""
    estimate: bool = False
    """Whether a few steps are timed first, to say how long runs take and how much they leave behind."""
    models: bool = False
    """Whether the networks are stored as MLflow models, too, by whoever launches the runs."""


class ProgressListener(Protocol):
    """Follows a launch: a progress bar, a log, a test."""

    def on_plan(self, runs: Sequence[PlannedRun]) -> None:
        """Receive once the runs that are planned."""

    def on_event(self, run: PlannedRun, event: Event) -> None:
        """Receive each event of a run."""

    def on_message(self, sentence: str) -> None:
        """Receive a sentence, such as that the store is unreachable. It may come from another thread."""


@dataclass
class Outcomes:
    """Runs by outcome, and the time that they took."""

    runs: dict[str, list[PlannedRun]] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    """Run key -> why it did not finish."""
    unaggregated: dict[str, str] = field(default_factory=dict)
    """Name of a group -> why its runs could not be aggregated."""
    experiment_ids: dict[str, str] = field(default_factory=dict)
    """Definition name -> MLflow experiment id."""
    pending: "PendingUploads | None" = None
    """What could not be uploaded by the end; it is queued on disk."""
    _last: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    estimated: float | None = None
    """Seconds that all of it was estimated to take; None where that was not known of every run."""
    tracking_seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether every run asked for is finished and in the store, and every group is aggregated."""
        unfinished = any(runs for outcome, runs in self.runs.items() if outcome not in (tags.FINISHED, "done"))
        return not unfinished and not self.unaggregated and self.pending is None

    def of(self, key: str) -> str:
        """Return the last outcome of the run of a key."""
        return self._last[key]

    def add(self, outcome: str, run: PlannedRun, message: str = "") -> None:
        """Count a run."""
        self.runs.setdefault(outcome, []).append(run)
        self._last[run.key] = outcome
        if message:
            self.messages[run.key] = message
