"""What forks share with their trunks, and so is not trained again."""

from collections.abc import Sequence

from overthink.launching.planned_run import TO_DO, PlannedRun
from overthink.training.regime import total_epochs


def own_epochs(run: PlannedRun) -> int:
    """Return the number of epochs that a run trains itself: of a fork, those from the fork on."""
    fork = run.run.seeds.fork
    return total_epochs(run.run.regime) - (fork.at if fork is not None else 0)


def shared_epochs_text(runs: Sequence[PlannedRun]) -> str:
    """Return one sentence on the epochs that the forks among runs to do share; empty where there are none."""
    to_do = [run for run in runs if run.action in TO_DO]
    forks = sum(run.run.seeds.fork is not None for run in to_do)
    if not forks:
        return ""
    of_all = sum(total_epochs(run.run.regime) for run in to_do)
    shared = of_all - sum(map(own_epochs, to_do))
    begin = (
        "1 fork begins where it leaves its trunk"
        if forks == 1
        else f"{forks} forks begin where they leave their trunks"
    )
    return f"{begin}: {shared} of {of_all} epochs ({shared / of_all:.0%}) are not trained again."
