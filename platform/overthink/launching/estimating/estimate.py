"""Planned runs with an estimate of how long they take."""

from collections.abc import Callable, Sequence

from overthink.launching.estimating.time_needed import stored_for, with_paces
from overthink.launching.estimating.timed import timed
from overthink.launching.outcomes import Options
from overthink.launching.planned_run import TO_DO, PlannedRun


def estimated(
    runs: Sequence[PlannedRun],
    uri: str,
    options: Options,
    on_message: Callable[[str], None],
    at_once: int | None = None,
) -> list[PlannedRun]:
    """Return planned runs with their paces, by earlier runs of a store and, if the options ask for it, timed steps.

    Steps are timed with as many processes at once as runs will be trained at once: they share cores, caches and a GPU
    as the runs will. That are as many as there are jobs, or runs if these are fewer, unless a number is given. What
    keeps steps from being timed is a message.
    """
    to_do = [run for run in runs if run.action in TO_DO]
    at_once = at_once or min(max(options.jobs, 1), max(len(to_do), 1))
    paces = {}
    if options.estimate and to_do:
        found = timed(to_do, options, at_once, on_message)
        paces = found.paces
        for problem in found.problems:
            on_message(f"{problem.removesuffix('.')}.")
    return with_paces(runs, stored_for(runs, uri), at_once, paces)
