"""A summary of a sweep in words: a table of its best trials, and the note of its run."""

import re

from overthink.report.grids import Grid
from overthink.seeds import expand
from overthink.store.view import FIGURES, run_link
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.goal import NETWORK, Objective
from overthink.sweep.results import Results, TrialResult, ranked
from overthink.sweep.space import format_point_short

BEST_SHOWN = 10
SHORTEST_ID = 8
OVER_SEEDS = {
    "mean": "mean over {n} seeds of a trial",
    "mean-minus-std": "mean over {n} seeds of a trial, one standard deviation to the worse side",
    "worst": "worst of {n} seeds of a trial",
}


def best_grid(loaded: LoadedSweep, found: Results) -> Grid:
    """Return the best trials as a table; the best, or the Pareto front, and trials outside the bounds are marked."""
    objectives, front = loaded.sweep.objectives, {trial.number for trial in found.best}
    rows = [
        [
            f"{trial.number}{_mark(trial, front)} {format_point_short(trial.point)}",
            *(f"{value:.4f}" for value in trial.values),
            f"{trial.seconds:.0f}" if trial.seconds is not None else "",
            trial.run_id[:SHORTEST_ID],
        ]
        for trial in ranked(found, [objective.goal for objective in objectives])[:BEST_SHOWN]
    ]
    titles = ["Trial", *(objective.metric for objective in objectives), "Seconds", "Run"]
    return Grid(
        titles,
        rows,
        f"*: {_best(loaded)}{'; o: outside its bounds' if loaded.sweep.constraints else ''}. {goals(loaded)}",
    )


def sweep_note(loaded: LoadedSweep, found: Results, experiment_id: str, run_id: str) -> str:
    """Return the Markdown description of the sweep's run, with links to its best trials."""
    objectives = loaded.sweep.objectives
    lines = [
        f"**{found.counted}.** {goals(loaded)}",
        "",
        f"| trial | {' | '.join(objective.metric for objective in objectives)} | parameters |",
        f"|---|{'--:|' * len(objectives)}---|",
    ]
    front = {trial.number for trial in found.best}
    for trial in ranked(found, [objective.goal for objective in objectives])[:BEST_SHOWN]:
        link = f"[trial {trial.number}]({run_link(experiment_id, trial.run_id)})"
        values = " | ".join(f"{value:.4f}" for value in trial.values)
        name = (link if trial.run_id.isalnum() else "") + _mark(trial, front).replace("*", f" ({_best(loaded)})")
        lines.append(f"| {name} | {values} | `{_plain(trial.label)}` |")
    lines += ["", f"[Figures]({run_link(experiment_id, run_id, FIGURES)}) of the sweep."]
    return "\n".join(lines)


def _best(loaded: LoadedSweep) -> str:
    """Return what is marked: of several objectives there is no best trial."""
    return "best" if len(loaded.sweep.objectives) == 1 else "on the Pareto front"


def _mark(trial: TrialResult, front: set[int]) -> str:
    return "*" if trial.number in front else "" if trial.keeps_bounds else "o"


def goals(loaded: LoadedSweep) -> str:
    """Return what a sweep searches for, in a sentence."""
    seeds = len(expand(loaded.sweep.seeds))
    goals = " and ".join(f"{one.goal} {one.metric}{_over(one, seeds)}" for one in loaded.sweep.objectives)
    bounds = " and ".join(one.label for one in loaded.sweep.constraints)
    return f"Goal: {goals}{f' while {bounds}' if bounds else ''}."


def _over(objective: Objective, seeds: int) -> str:
    """Return what an objective's values are averages of: the seeds of a trial, never trials."""
    if objective.metric.startswith(NETWORK):  # known before training
        return ""
    return f" ({OVER_SEEDS[objective.over_seeds].format(n=seeds) if seeds > 1 else 'one seed a trial'})"


def _plain(text: str) -> str:
    return re.sub(r"[`|\n\r]", " ", text)
