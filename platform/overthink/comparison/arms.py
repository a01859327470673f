"""Studies and sweeps: runs of one definition in several arms, a run often in more than one, and runs of trials."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from overthink.seeds import Seeds, sources_of
from overthink.store.stored import StoredRun
from overthink.study.arms import primary_arm_name


def runs_of_group(group: StoredRun, runs: Iterable[StoredRun]) -> list[StoredRun]:
    """Return those of the runs that a group asks for: of its key, and of its seeds.

    The key alone is not enough: a study of the same definition has other repeats under it.
    """
    asked = asked_for(group)
    return [
        run
        for run in runs
        if not run.is_group and run.group_key == group.group_key and run.seeds and asked.issuperset(run.seeds)
    ]


def asked_for(group: StoredRun) -> set[Seeds]:
    """Return all seeds of a group, those of its arms included."""
    return {*group.seeds, *chain.from_iterable(group.arms.values())}


def runs_of_primary_arm(group: StoredRun, runs: Sequence[StoredRun]) -> list[StoredRun]:
    """Return those of a group's runs that its own numbers are over: all of them; of a study, its primary arm's."""
    if not group.arms:
        return runs_of_group(group, runs)
    arm = primary_arm(group)
    return [] if arm is None else runs_of_group(as_group_of_arm(group, arm), runs)


def primary_arm(group: StoredRun) -> str | None:
    """Return the name of the arm that a study's group is summarised by; None where every arm is a control."""
    return primary_arm_name({name: sources_of(seeds) for name, seeds in group.arms.items()})


def as_group_of_arm(group: StoredRun, arm: str) -> StoredRun:
    """Return a study's group reduced to one of its arms, as a group that is no study."""
    return replace(group, arms={}, seeds=group.arms[arm])


def with_primary_arms(runs: Sequence[StoredRun]) -> list[StoredRun]:
    """Return runs and groups, of each study its primary arm alone, with `of_arms` set.

    Arms are no seeds of each other and are never pooled. A study of which every arm is a control stays as it is, and so
    do runs of other arms that another experiment asks for, too.
    """
    return [_with_primary_arm(run) if run.is_group and len(run.arms) > 1 else run for run in runs]


def _with_primary_arm(group: StoredRun) -> StoredRun:
    arm = primary_arm(group)
    if arm is None:
        return group
    return replace(group, arms={arm: group.arms[arm]}, seeds=group.arms[arm], of_arms=len(group.arms))


def are_of_several_arms(runs: Sequence[StoredRun]) -> bool:
    """Return whether no arm has all those runs that were trained for a study: together they are no sample."""
    trained_for_it = {one for run in runs if run.arms for one in run.seeds}
    arms = [seeds for run in runs for seeds in run.arms.values()]
    return bool(arms) and not any(trained_for_it.issubset(seeds) for seeds in arms)


def in_arms(runs: Sequence[StoredRun]) -> Iterator[StoredRun]:
    """Yield each run of a study once for every arm that it is in, with its `arm` set, and its group once an arm.

    A run of a sweep's trial is yielded with its `sweep` set: a trial is chosen among many by how its seeds came out,
    so they are no seeds of an experiment of the same definition. Other runs are yielded as they are; so are runs of
    studies and trials that another experiment asks for, too.
    """
    plain: dict[str, set[Seeds]] = {}
    trials: dict[str, dict[str, set[Seeds]]] = {}
    for group in (run for run in runs if run.is_group and not run.arms):
        of_key = trials.setdefault(group.group_key, {}).setdefault(group.sweep, set()) if group.sweep else None
        (plain.setdefault(group.group_key, set()) if of_key is None else of_key).update(group.seeds)
    members = {key: {name: {*seeds} for name, seeds in arms.items()} for key, arms in _studies(runs).items()}
    for run in runs:
        if run.is_group:
            yield from (replace(run, arm=name, seeds=seeds) for name, seeds in run.arms.items())
            if not run.arms and not _asks_for_nothing(run):
                yield run
            continue
        arms, sweeps = (of.get(run.group_key, {}) if run.seeds else {} for of in (members, trials))
        there = [replace(run, arm=name) for name, seeds in arms.items() if seeds.issuperset(run.seeds)]
        there += [replace(run, sweep=name) for name, seeds in sweeps.items() if seeds.issuperset(run.seeds)]
        yield from there
        if not (arms or there) or not plain.get(run.group_key, set()).isdisjoint(run.seeds):
            yield run


def _studies(runs: Sequence[StoredRun]) -> dict[str, dict[str, tuple[Seeds, ...]]]:
    """Return the arms of studies by group key; where a group's cannot be read, those that its runs were trained for."""
    damaged = {run.group_key for run in runs if _asks_for_nothing(run)}
    found: dict[str, dict[str, tuple[Seeds, ...]]] = {}
    for run in runs:
        if run.arms and (run.is_group or run.group_key in damaged):
            found.setdefault(run.group_key, {}).update(run.arms)
    return found


def _asks_for_nothing(run: StoredRun) -> bool:
    """Return whether this is a study's group whose arms cannot be read."""
    return run.is_group and bool(run.problems) and not run.seeds and not run.arms


def asked_by(definitions: Collection[str], runs: Sequence[StoredRun]) -> list[StoredRun]:
    """Return the groups of definitions, and the runs that these ask for, under their names, whichever trained them."""
    groups = [run for run in runs if run.is_group and run.definition in definitions]
    found = {
        (run.run_id, group.run_id): replace(
            run,
            definition=group.definition,
            variant=group.variant,
            changes=group.changes,
            changes_label=group.changes_label,
        )
        for group in groups
        for run in runs_of_group(group, runs)
    }
    return sorted([*groups, *found.values()], key=lambda run: -run.started_ms)


def without_studies(runs: Sequence[StoredRun]) -> list[StoredRun]:
    """Return the runs that another experiment than a study asks for: repeats of a study are no independent seeds."""
    return [run for run in in_arms(runs) if not run.arm]


def by_definition(runs: Sequence[StoredRun]) -> Iterator[StoredRun]:
    """Yield each run once for every definition that asks for it, under that definition's name."""
    asking: dict[tuple[str, str, Seeds], list[str]] = {}
    for group in (run for run in runs if run.is_group):
        for seeds in asked_for(group):
            asking.setdefault((group.group_key, group.sweep, seeds), []).append(group.definition)
    for run in runs:
        keys = [] if run.is_group else [(run.group_key, run.sweep, one) for one in run.seeds]
        names = [name for key in keys for name in asking.get(key, ())]
        for name in dict.fromkeys(names or [run.definition]):
            yield replace(run, definition=name)
