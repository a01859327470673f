"""What `import overthink` gives of launching: training what definitions ask for."""

from collections.abc import Sequence
from pathlib import Path

from overthink.definition.experiment import LoadedExperiment
from overthink.definition.loading import load_experiment
from overthink.launching.outcomes import Options, Outcomes, ProgressListener
from overthink.launching.planned_run import PlannedRun
from overthink.running.events import Event
from overthink.sentences import check_one_of
from overthink.settings import KERNELS, KernelsAsked, check_device
from overthink.store.public import StoreName, uri_of

Experiment = str | Path | LoadedExperiment
"""A definition file, the name of a shipped definition, or what `load_experiment` returned."""


class Silent:
    """A listener that shows nothing."""

    def on_plan(self, runs: Sequence[PlannedRun]) -> None:
        """Ignore the plan."""

    def on_event(self, run: PlannedRun, event: Event) -> None:
        """Ignore what a run reports."""

    def on_message(self, sentence: str) -> None:
        """Ignore messages."""


def launch(
    experiments: Experiment | Sequence[Experiment],
    store: StoreName = None,
    jobs: int = 1,
    device: str = "auto",
    data_root: Path | None = None,
    force: bool = False,
    kernels: KernelsAsked = "auto",
    listener: ProgressListener | None = None,
) -> Outcomes:
    """Train every run that experiments ask for and that is not finished yet; log them to a store.

    A finished run is found by its key and not trained again; an interrupted one is resumed from its checkpoint, which
    lies in `.overthink` in the working directory (OVERTHINK_STATE).

    Args:
        experiments: One or several: a definition file, the name of a shipped definition, or a loaded experiment.
        store: A tracking URI or an SQLite file, made where it is missing; by default MLFLOW_TRACKING_URI, else
            `mlflow.db` here.
        jobs: Number of parallel runs.
        device: `cpu`, `cuda`, or `auto` for a GPU where there is one.
        data_root: Folder of downloaded data sets; by default OVERTHINK_DATA.
        force: Whether runs that are finished are trained again.
        kernels: What computes the training: `torch`'s kernels, `native` ones (faster, on a CPU), or `auto`: those that
            a group's runs in the store were made with, else native ones where they can train it.
        listener: Notified of the plan, of each epoch and of messages; by default nothing is shown.

    Returns:
        The runs by outcome (`runs`), and whether all of them are finished (`complete`).

    Raises:
        DefinitionError: A definition is not valid.
        ValueError: An argument has a value that it cannot have; native kernels are asked for, or needed to go on with
            runs, and cannot be used here; or this machine lacks what runs that are to do need: data, a CUDA device,
            room on its disk.
        StoreError: The store does not answer.

    Example:
        >>> import overthink
        >>> outcomes = overthink.launch("small.yaml", jobs=2)
        >>> outcomes.complete, {outcome: len(runs) for outcome, runs in outcomes.runs.items()}
        (True, {'done': 4})
    """
    from overthink.launching.launch import launch as launch_all
    from overthink.store.client import Store

    if type(jobs) is not int or jobs < 1:
        raise ValueError(f"jobs={jobs!r}: expected a whole number from 1")
    check_device(f"device={device!r}", device)
    check_one_of("kernels", kernels, KERNELS)
    several = [experiments] if isinstance(experiments, str | Path | LoadedExperiment) else experiments
    loaded = [one if isinstance(one, LoadedExperiment) else load_experiment(one) for one in several]
    options = Options(jobs=jobs, device=device, data_root=data_root, force=force, kernels=kernels)
    return launch_all(Store(uri_of(store)), loaded, options, listener or Silent())
