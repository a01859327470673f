"""What a launch begins with, as a sentence: how many runs are to train, of which variants and seeds."""

from collections import Counter
from collections.abc import Sequence

from overthink.launching.planned_run import TO_DO, PlannedRun
from overthink.seeds import joined
from overthink.sentences import cut, listed, number_of

LONGEST_SEEDS = 60
NOT_TRAINED = {
    "done": "finished",
    "diverged": "diverged before",
    "busy": "being trained by another process",
    "queued": "finished, but not uploaded yet",
}


def plan_sentence(runs: Sequence[PlannedRun]) -> str:
    """Return `2 of 4 runs to train, 2 finished: short, long × seed 1.`."""
    todo = [run for run in runs if run.action in TO_DO]
    others = Counter(run.action for run in runs if run.action not in TO_DO)
    rest = [f"{count} {NOT_TRAINED[action]}" for action, count in others.items()]
    if not todo:
        return f"No run to train: {', '.join(rest)}." if rest else "No run to train."
    again = sum(run.action == "resume" for run in todo)
    rest = [f"{again} of them from a checkpoint", *rest] if again else rest
    head = f"{len(todo)} of {number_of(len(runs), 'run')}" if others else number_of(len(runs), "run")
    return f"{', '.join([f'{head} to train', *rest])}: {_variants_and_seeds(todo)}."


def _variants_and_seeds(runs: Sequence[PlannedRun]) -> str:
    """Return `short, long × seeds 0, 1`; variants of other seeds after a semicolon."""
    several = len({run.experiment.experiment.name for run in runs}) > 1
    seeds_of: dict[str, list[str]] = {}
    for run in runs:
        name = f"{run.experiment.experiment.name}: {run.group.label}" if several else run.group.label
        seeds_of.setdefault(name, []).append(run.run.seeds.label)
    names_of: dict[str, list[str]] = {}
    for name, labels in seeds_of.items():
        seeds = cut(joined(labels).replace(" ", ", "), LONGEST_SEEDS)
        names_of.setdefault(f"seed{'s' * (len(labels) > 1)} {seeds}", []).append(name)
    return listed([f"{listed(names)} × {seeds}" for seeds, names in names_of.items()], most=3)
