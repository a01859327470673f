"""A trial that is being trained: its runs, and the metrics of its finished seeds."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from overthink.definition.experiment import LoadedExperiment
from overthink.launching.planned_run import PlannedRun
from overthink.sweep.ask_tell import Asked
from overthink.training.regime import total_epochs


@dataclass
class OpenTrial:
    """A trial that is being trained, one seed after another."""

    asked: Asked
    experiment: LoadedExperiment
    runs: deque[PlannedRun] = field(default_factory=deque)
    """Its unfinished runs, in the order of their seeds."""
    mains: dict[str, PlannedRun] = field(default_factory=dict)
    """Run key -> main network that has to be trained for it."""
    metrics: list[dict[str, float]] = field(default_factory=list)
    """Metrics of each finished seed."""
    died: bool = False
    """Whether the worker process of its present run died."""
    deaths: int = 0
    """Dead workers after which the trial was resumed."""

    @property
    def group_key(self) -> tuple[str, str]:
        """What tells its group apart, as `PlannedRun.group_key`."""
        return self.experiment.groups[0].definition.key, self.experiment.experiment.name

    @property
    def epochs(self) -> int:
        """Epochs of one of its runs."""
        return total_epochs(self.experiment.groups[0].definition.regime)

    def plan(self, runs: Iterable[PlannedRun], mains: Iterable[PlannedRun]) -> None:
        """Start again from a new plan of its runs, and of the main networks that have to be trained for it."""
        self.runs, self.metrics = deque(runs), []
        self.mains = {run.key: run for run in mains}

    def release(self) -> None:
        """Release the locks of its runs, so that other processes may train them."""
        for run in (*self.runs, *self.mains.values()):
            run.release()
