"""How long the trials of a sweep take and how much room, by timed steps of configurations drawn from its space."""

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import NamedTuple

import optuna
from optuna.samplers import RandomSampler

from overthink.definition.experiment import LoadedExperiment
from overthink.definition.loading import main_networks_of
from overthink.launching.estimating.disk_needed import DiskNeeded, disk_needed
from overthink.launching.estimating.estimate import estimated
from overthink.launching.estimating.time_needed import time_needed
from overthink.launching.estimating.timed import phases_of
from overthink.launching.outcomes import Options
from overthink.launching.plan import plan
from overthink.launching.planned_run import TO_DO, PlannedRun
from overthink.running.pace import Pace
from overthink.sentences import about, number_of
from overthink.store.readable_store import ReadableStore
from overthink.sweep.definition import LoadedSweep, Sweep
from overthink.sweep.goal import NETWORK
from overthink.sweep.seed_metrics import broken_bounds, network_metrics
from overthink.sweep.space import Value, grid_of
from overthink.sweep.study import suggested

SAMPLED = 5
"""Configurations that are timed; each network among them once."""
MOST_DRAWN = 50
"""Configurations that are drawn, those that are not trained included."""


class TrialsNeeded(NamedTuple):
    """An estimate for the trials that are left, and for the main networks that they need."""

    trials: int
    """To do."""
    seconds: float
    """With `jobs` trials at once."""
    jobs: int
    of_trials: tuple[float, ...]
    """Seconds that a trial of each sampled configuration takes, one seed after another; none where none trains."""
    main_networks: int
    """To be trained before."""
    disk: DiskNeeded | None
    """None where it is not known."""
    paces: Mapping[str, Pace]
    """Of what was timed, by keys of phases."""
    left_out: tuple[str, ...] = ()
    """What the estimate does not count, a sentence each."""

    @property
    def sentences(self) -> list[str]:
        """What it says, and by what."""
        mains = [number_of(self.main_networks, "main network")] if self.main_networks else []
        trials = [number_of(self.trials, "trial")] if self.of_trials else []
        at_once = f" with {self.jobs} jobs" if self.jobs > 1 else ""
        time = f"About {about(self.seconds)} for {' and '.join([*mains, *trials])}{at_once}{self.source}."
        return [time, *self.left_out, *([self.disk.text] if self.disk is not None else [])]

    @property
    def source(self) -> str:
        """By what it is, as the end of a sentence."""
        if not self.of_trials:
            return ""
        low, high = about(min(self.of_trials)), about(max(self.of_trials))
        each = f"{low} a trial" if low == high else f"{low} to {high} a trial"
        return f", by {number_of(len(self.of_trials), 'sampled configuration')} ({each})"


def trials_needed(
    loaded: LoadedSweep,
    trials: int,
    store: ReadableStore | None,
    uri: str,
    options: Options,
    say: Callable[[str], None],
) -> TrialsNeeded | None:
    """Return the time and room that trials of a sweep take; None where nothing is trained, or no steps can be timed.

    A trial counts as the mean of the sampled configurations. These are random points of the space, drawn with the
    sampler's seed; of a grid, points that lie evenly on it. What the sampler prefers later may take longer or shorter.
    """
    needs = loaded.sweep.trains or loaded.sweep.needs_labels
    experiments = sampled_trials(loaded, min(SAMPLED, trials)) if needs and trials else []
    if not experiments:
        return None
    at_once = min(max(options.jobs, 1), trials)
    mains = [run for run in plan(store, main_networks_of(experiments[0]), dry=True) if run.action in TO_DO]
    of_trials = _runs_of(experiments, options) if loaded.sweep.trains else []
    known = estimated([*mains, *of_trials], uri, options, say, at_once)
    if not known or any(run.estimated_seconds is None for run in known):
        return None
    mains, of_trials = known[: len(mains)], known[len(mains) :]
    seconds = tuple(_seconds(of_trials, one) for one in experiments) if of_trials else ()
    total = _total(mains, of_trials, ceil(trials / at_once) / len(experiments), options.jobs)
    disk = _disk(mains, of_trials, trials / len(experiments), at_once)
    return TrialsNeeded(
        trials, total, at_once, seconds, len(mains), disk, _paces(known), _left_out(loaded.sweep) if of_trials else ()
    )


def sampled_trials(loaded: LoadedSweep, count: int) -> list[LoadedExperiment]:
    """Return the experiments of so many points of the space that would be trained, or of as many as are found."""
    found: dict[str, LoadedExperiment] = {}
    for number, point in enumerate(_points(loaded.sweep, count)):
        try:
            experiment = loaded.at(point, f"trial-{number}")
        except ValueError:  # such a trial fails at once
            continue
        run = experiment.groups[0].runs[0]
        if not broken_bounds(loaded.sweep, network_metrics(loaded.sweep, run)):
            found.setdefault(run.group.key, experiment)
        if len(found) == count:
            break
    return list(found.values())


def _points(sweep: Sweep, count: int) -> Sequence[dict[str, Value]]:
    if sweep.sampler.kind == "grid":
        grid = grid_of(sweep.space)
        return grid[:: max(len(grid) // count, 1)]
    study = optuna.create_study(sampler=RandomSampler(seed=sweep.sampler.seed))
    return [suggested(study.ask(), sweep.space) for _ in range(MOST_DRAWN)]


def _runs_of(experiments: Sequence[LoadedExperiment], options: Options) -> list[PlannedRun]:
    """Return the runs of trials, and trunks that they need, as if the store had none; without main networks."""
    planned = plan(None, experiments, reuse=options.reuse, dry=True)
    mains = {run.key for one in experiments for main in main_networks_of(one) for run in main.groups[0].runs}
    return [run for run in planned if run.key not in mains]


def _total(mains: Sequence[PlannedRun], of_trials: Sequence[PlannedRun], times: float, jobs: int) -> float:
    """Return the seconds of main networks, and after them of trials that are trained so many times."""
    before = time_needed(mains, jobs)
    load = max((run.pace.load for run in of_trials if run.pace is not None), default=0.0)
    each = sum(run.estimated_seconds or 0.0 for run in of_trials)
    return (before.seconds if before is not None else 0.0) + load + each * times


def _seconds(runs: Sequence[PlannedRun], experiment: LoadedExperiment) -> float:
    key = experiment.groups[0].definition.key
    return sum(run.estimated_seconds or 0.0 for run in runs if run.group.definition.key == key)


def _disk(
    mains: Sequence[PlannedRun], of_trials: Sequence[PlannedRun], times: float, at_once: int
) -> DiskNeeded | None:
    """Return the room of main networks, and of trials that are trained so many times, so many runs at once."""
    side_by_side = max(at_once / len(of_trials), 1.0) if of_trials else 1.0  # of those that were sampled
    found = [
        (disk_needed(runs), of, by) for runs, of, by in ((mains, 1.0, 1.0), (of_trials, times, side_by_side)) if runs
    ]
    known = [(needed, of, by) for needed, of, by in found if needed is not None]
    if len(known) < len(found):
        return None
    stored = sum(needed.store * of for needed, of, _ in known)
    return DiskNeeded(int(stored), int(max(needed.state * by for needed, _, by in known)))


def _paces(runs: Sequence[PlannedRun]) -> dict[str, Pace]:
    return {
        phase.key: pace
        for run in runs
        if run.pace is not None
        for phase, pace in zip(phases_of(run), run.pace.paces, strict=False)
    }


def _left_out(sweep: Sweep) -> tuple[str, ...]:
    found = []
    if any(one.metric.startswith(NETWORK) for one in sweep.constraints):
        found.append("Trials outside bounds on the network are not trained.")
    if sweep.pruner is not None:
        found.append("Trials that are pruned end earlier.")
    if sweep.time_limit_minutes is not None:
        found.append(f"No trial starts after {about(60 * sweep.time_limit_minutes)} (time_limit_minutes).")
    return tuple(found)
