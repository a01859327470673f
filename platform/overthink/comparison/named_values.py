"""What a run has under a name: one of its facts, a parameter by dotted path, or a metric."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from overthink.comparison.arms import asked_for, runs_of_group
from overthink.comparison.where import Condition, Value, as_number
from overthink.seeds import Seeds
from overthink.sentences import LONGEST_VALUE, cut, listed
from overthink.store.stored import StoredRun

MOST_VALUES = 8
"""That a sentence lists; more are counted."""
TEST = "test/"
"""May be left out of the name of a metric."""


def moment(milliseconds: int | None) -> str | None:
    """Return a moment in this machine's time zone, so that texts are in the order of moments: `2026-03-01 09:30:00`."""
    return None if not milliseconds else datetime.fromtimestamp(milliseconds / 1000).isoformat(" ", "seconds")


def duration(run: StoredRun) -> float | None:
    """Return the seconds from its start to its end; None while it has not ended."""
    return None if run.ended_ms is None else max(0, run.ended_ms - run.started_ms) / 1000


FACTS: dict[str, Callable[[StoredRun], Value]] = {
    "name": lambda run: run.name,
    "kind": lambda run: run.kind,
    "status": lambda run: run.outcome,
    "definition": lambda run: run.definition,
    "variant": lambda run: run.variant,
    "changes": lambda run: run.changes_label,
    "seed": lambda run: run.seeds_label,
    "dataset": lambda run: run.dataset.label,
    "network": lambda run: run.network.label,
    "regime": lambda run: run.regime.label,
    "labels": lambda run: run.labels.label if run.labels else "",
    "kernels": lambda run: run.kernels,
    "instruction_set": lambda run: run.instruction_set,
    "imported": lambda run: run.imported,
    "task": lambda run: run.task or "exits",
    "sweep": lambda run: run.sweep,
    "trial": lambda run: run.trial,
    "started": lambda run: moment(run.started_ms),
    "ended": lambda run: moment(run.ended_ms),
    "duration": duration,
    "estimated": lambda run: run.estimated_seconds,
    "group_key": lambda run: run.group_key,
    "run_key": lambda run: run.run_key,
    "data": lambda run: run.data,
}
"""Name -> its value for a run or group. `duration` and `estimated` are in seconds; `status` is ours: `finished`."""


def value_of(run: StoredRun, name: str) -> Value:
    """Return what a run has under a name, None where it has nothing; `accuracy/last` is `test/accuracy/last`."""
    if name in FACTS:
        return FACTS[name](run)
    if name in run.params:
        return run.params[name]
    return run.metrics.get(name, run.metrics.get(TEST + name))


def metrics_to_read(names: Iterable[str]) -> list[str]:
    """Return the metrics that names may mean."""
    return [metric for name in names if name not in FACTS for metric in (name, TEST + name)]


def known_names(runs: Iterable[StoredRun]) -> list[str]:
    """Return every name under which one of the runs has something."""
    found = dict.fromkeys(FACTS)
    for run in runs:
        found |= dict.fromkeys([*run.params, *run.metrics, *(name.removeprefix(TEST) for name in run.metrics)])
    return list(found)


def meeting(runs: Iterable[StoredRun], condition: Condition) -> list[StoredRun]:
    """Return the runs and groups that meet a condition."""
    return [run for run in runs if condition.meets(partial(value_of, run))]


def values_there(runs: Sequence[StoredRun], condition: Condition) -> list[str]:
    """Return, for each comparison that no run meets, a sentence with the values that runs have under its name."""
    return [
        f"no run has {one.name}{one.operator}{one.value}, only {_values(runs, one.name)}"
        for one in dict.fromkeys(condition.comparisons())
        if not meeting(runs, one)
    ]


def _values(runs: Iterable[StoredRun], name: str) -> str:
    found = {value for run in runs if (value := value_of(run, name)) not in (None, "")}
    numbers = {value: number for value in found if value is not None and (number := as_number(value)) is not None}
    ordered = [str(value) for value in sorted(numbers, key=lambda value: numbers[value])]
    texts = sorted(str(value) for value in found if value not in numbers)
    if len(ordered) > MOST_VALUES:
        ordered = [f"numbers from {ordered[0]} to {ordered[-1]}"]
    quoted = [repr(cut(text, LONGEST_VALUE)) if " " in text else cut(text, LONGEST_VALUE) for text in texts]
    return listed([*ordered, *quoted] or ["nothing under this name"], MOST_VALUES)


def sorted_by(runs: Iterable[StoredRun], name: str) -> list[StoredRun]:
    """Return runs by what they have under a name: numbers, then texts, then those that have nothing.

    A `-` before the name turns the order of numbers and texts around. Of equal ones, the newest comes first.
    """
    descending = name.startswith("-")
    name = name.removeprefix("-")
    numbers: list[tuple[float, StoredRun]] = []
    texts: list[tuple[str, StoredRun]] = []
    without: list[StoredRun] = []
    for run in sorted(runs, key=lambda run: -run.started_ms):
        found = value_of(run, name)
        number = None if found is None else as_number(found)
        if number is not None:
            numbers.append((number, run))
        elif isinstance(found, str) and found:
            texts.append((found, run))
        else:
            without.append(run)
    numbers.sort(key=lambda pair: pair[0], reverse=descending)
    texts.sort(key=lambda pair: pair[0], reverse=descending)
    return [run for _, run in numbers] + [run for _, run in texts] + without


def groups_reduced(runs: Sequence[StoredRun], condition: Condition) -> list[StoredRun]:
    """Return the runs that meet a condition, with their groups, which then ask for these runs alone.

    A run that is missing counts where its group meets the condition itself.
    """
    met = {run.run_id for run in meeting(runs, condition)}
    found = []
    for run in runs:
        if not run.is_group:
            found += [run] if run.run_id in met else []
            continue
        members = runs_of_group(run, runs)
        wanted = {seeds for one in members if one.run_id in met for seeds in one.seeds}
        if run.run_id in met and (wanted or not members):
            wanted |= asked_for(run) - {seeds for one in members for seeds in one.seeds}
        if wanted:
            found.append(_asking(run, wanted))
    return found


def _asking(group: StoredRun, wanted: Collection[Seeds]) -> StoredRun:
    arms = {name: tuple(one for one in seeds if one in wanted) for name, seeds in group.arms.items()}
    left = {name: seeds for name, seeds in arms.items() if seeds}
    return replace(group, seeds=tuple(one for one in group.seeds if one in wanted), arms=left)
