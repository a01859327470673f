"""How many epochs of each phase a planned run trains itself."""

from collections.abc import Sequence

from overthink.launching.planned_run import PlannedRun, run_folder
from overthink.training.epochs_in import most_epochs
from overthink.training.regime import Phase, total_epochs


def epochs_left(run: PlannedRun) -> tuple[int, ...]:
    """Return how many epochs of each phase are left: without a trunk's, a parent's, and those of its checkpoint here.

    A checkpoint that only the store has counts as none, so that such a run takes less.
    """
    return after(run.run.regime, epochs_there(run))


def epochs_there(run: PlannedRun) -> int:
    """Return the number of epochs that a planned run begins with."""
    fork = run.run.seeds.fork
    shared = fork.at if fork is not None else 0
    if run.parent is not None:
        shared = max(shared, total_epochs(run.run.regime[: run.parent.phases]))
    return max(shared, most_epochs(run_folder(run.key))) if run.action == "resume" else shared


def after(regime: Sequence[Phase], done: int) -> tuple[int, ...]:
    """Return how many epochs of each phase follow the first `done`.

    >>> after((Phase(epochs=3), Phase(epochs=2)), 4)
    (0, 1)
    """
    left = []
    for phase in regime:
        spared = min(done, phase.epochs)
        left.append(phase.epochs - spared)
        done -= spared
    return tuple(left)
