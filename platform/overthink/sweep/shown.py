"""A sweep for people: a table of its best trials, in a terminal, on a page, and as the description of its run."""

import re
from collections.abc import Sequence

from optuna.study import Study

from overthink.report.grids import Grid, as_html
from overthink.report.pages import Section, document
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.figures import sweep_figures
from overthink.sweep.results import Results, TrialResult, ranked
from overthink.sweep.space import said_briefly

BEST_SHOWN = 10
SHORTEST_ID = 8


def best_grid(loaded: LoadedSweep, found: Results, count: int = BEST_SHOWN) -> Grid:
    """Return the best trials as a table; on a Pareto front, and outside their bounds, are marked."""
    objectives, front = loaded.sweep.objectives, {trial.number for trial in found.best}
    rows = [
        [
            f"{trial.number}{_mark(trial, front)} {said_briefly(trial.point)}",
            *(f"{value:.4f}" for value in trial.values),
            f"{trial.seconds:.0f}" if trial.seconds is not None else "",
            trial.run_id[:SHORTEST_ID],
        ]
        for trial in ranked(found, [objective.way for objective in objectives])[:count]
    ]
    titles = ["Trial", *(objective.metric for objective in objectives), "Seconds", "Run"]
    return Grid(
        titles, rows, f"*: best{'; o: outside its bounds' if loaded.sweep.constraints else ''}. {_goals(loaded)}"
    )


def counted(found: Results) -> str:
    """Say how many trials there are, and how they ended."""
    parts = [f"{count} {outcome}" for outcome, count in sorted(found.counts.items(), key=lambda item: -item[1])]
    carried = sum(bool(trial.carried) for trial in found.trials)
    more = f"; {carried} carried over from other spaces" if carried else ""
    return f"{sum(found.counts.values())} trials: {', '.join(parts)}{more}" if parts else f"no trials{more}"


def sweep_page(loaded: LoadedSweep, study: Study, found: Results) -> str:
    """Return the sweep's page: what it looks for, its best trials, Optuna's figures."""
    intro = [loaded.sweep.description, f"{counted(found)}. {_goals(loaded)}", f"Study {loaded.study_name}."]
    best = Section("Best trials", tables=[as_html(best_grid(loaded, found))])
    unlucky = [trial for trial in found.trials if trial.message and not trial.carried]
    lost = Grid(
        ["Trial", "Outcome", "Tried", "Why"],
        [[str(trial.number), trial.outcome, trial.said, trial.message] for trial in unlucky[:50]],
    )
    ended = [Section("Trials that ended early", tables=[as_html(lost)])] if unlucky else []
    return document(
        f"sweep {loaded.sweep.name}",
        [Section(paragraphs=intro), best, Section("Figures", figures=sweep_figures(loaded, study)), *ended],
    )


def sweep_note(loaded: LoadedSweep, found: Results, experiment_id: str) -> str:
    """Return the Markdown description of the sweep's run, with links to its best trials."""
    objectives = loaded.sweep.objectives
    lines = [
        f"**{counted(found)}.** {_goals(loaded)}",
        "",
        f"| trial | {' | '.join(objective.metric for objective in objectives)} | tried |",
        f"|---|{'--:|' * len(objectives)}---|",
    ]
    front = {trial.number for trial in found.best}
    for trial in ranked(found, [objective.way for objective in objectives])[:BEST_SHOWN]:
        link = (
            f"[trial {trial.number}](#/experiments/{experiment_id}/runs/{trial.run_id})"
            if trial.run_id.isalnum()
            else ""
        )
        values = " | ".join(f"{value:.4f}" for value in trial.values)
        lines.append(f"| {link}{_mark(trial, front).replace('*', ' (best)')} | {values} | `{_plain(trial.said)}` |")
    lines += ["", "The figures are in figures.html, under Artifacts."]
    return "\n".join(lines)


def _mark(trial: TrialResult, front: set[int]) -> str:
    return "*" if trial.number in front else "" if trial.keeps_bounds else "o"


def _goals(loaded: LoadedSweep) -> str:
    goals = [f"{one.way} {one.metric}{_over(one.over_seeds)}" for one in loaded.sweep.objectives]
    bounds = [one.said for one in loaded.sweep.constraints]
    return f"Goal: {_listed(goals)}{' while ' + _listed(bounds) if bounds else ''}."


def _over(how: str) -> str:
    return {"mean": "", "mean-minus-std": " (mean over seeds, one deviation to the worse)"}.get(how, " (worst seed)")


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(parts)


def _plain(text: str) -> str:
    return re.sub(r"[`|\n\r]", " ", text)
