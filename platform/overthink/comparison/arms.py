"""Studies: runs of one definition in several arms, a run often in more than one."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain

from overthink.seeds import joined, sources_of, split_labels
from overthink.store import tags
from overthink.store.stored import StoredRun
from overthink.study.arms import primary_arm_name

ARM = "overthink.arm"
"""Tag of a run or group as a member of an arm; not in any store."""


def arms_of(group: StoredRun) -> dict[str, list[str]]:
    """Return the labels of the seeds of each arm of a study's group; nothing where a tag is none of ours."""
    with suppress(ValueError, TypeError, AttributeError):
        arms = json.loads(group.tags.get(tags.ARMS, "{}"))
        return {str(name): split_labels(str(labels)) for name, labels in arms.items()}
    return {}


def runs_of_group(group: StoredRun, runs: Iterable[StoredRun]) -> list[StoredRun]:
    """Return those of the runs that a group asks for: of its key, and of its seeds.

    The key alone is not enough: a study of the same definition has other repeats under it.
    """
    key, seeds = group.tags.get(tags.GROUP_KEY), asked_for(group)
    return [
        run
        for run in runs
        if not run.is_group and run.tags.get(tags.GROUP_KEY) == key and run.tags.get(tags.SEEDS) in seeds
    ]


def asked_for(group: StoredRun) -> set[str]:
    """Return the labels of all seeds of a group, those of its arms included."""
    return {*split_labels(group.tags.get(tags.SEEDS, "")), *chain.from_iterable(arms_of(group).values())}


def runs_of_primary_arm(group: StoredRun, runs: Sequence[StoredRun]) -> list[StoredRun]:
    """Return those of a group's runs that its own numbers are over: all of them; of a study, its whole arm's."""
    if not arms_of(group):
        return runs_of_group(group, runs)
    whole = primary_arm(group)
    return [] if whole is None else runs_of_group(alone(group, whole), runs)


def primary_arm(group: StoredRun) -> str | None:
    """Return the name of the arm that speaks for a study's group."""
    return primary_arm_name({name: sources_of(labels) for name, labels in arms_of(group).items()})


def alone(group: StoredRun, arm: str) -> StoredRun:
    """Return a study's group as if it were one of its arms alone, and no study."""
    plain = {tag: value for tag, value in group.tags.items() if tag != tags.ARMS}
    return replace(group, tags=plain | {tags.SEEDS: joined(arms_of(group)[arm])})


def in_arms(runs: Sequence[StoredRun]) -> Iterator[StoredRun]:
    """Yield each run of a study once for every arm that it is in, marked as that arm's, and its group once an arm.

    What is no study's comes as it is; so do runs of a study that another experiment asks for, too.
    """
    studies: dict[str, dict[str, list[str]]] = {}
    plain: dict[str, set[str]] = {}
    for group in (run for run in runs if run.is_group):
        key, arms = group.tags.get(tags.GROUP_KEY, ""), arms_of(group)
        if arms:
            studies.setdefault(key, {}).update(arms)
        else:
            plain.setdefault(key, set()).update(split_labels(group.tags.get(tags.SEEDS, "")))
    for run in runs:
        key, seeds = run.tags.get(tags.GROUP_KEY, ""), run.tags.get(tags.SEEDS, "")
        arms = arms_of(run) if run.is_group else studies.get(key, {})
        for name, labels in arms.items():
            if run.is_group:
                yield replace(run, tags=run.tags | {ARM: name, tags.SEEDS: joined(labels)})
            elif seeds in labels:
                yield replace(run, tags=run.tags | {ARM: name})
        if not arms or (not run.is_group and seeds in plain.get(key, ())):
            yield run


def without_studies(runs: Sequence[StoredRun]) -> list[StoredRun]:
    """Return what no study made or another experiment asks for, too: repeats of a study are no independent seeds."""
    return [run for run in in_arms(runs) if ARM not in run.tags]


def by_definition(runs: Sequence[StoredRun]) -> Iterator[StoredRun]:
    """Yield each run once for every definition that asks for it, marked as that one's, whoever trained it."""
    asking: dict[tuple[str, str], list[str]] = {}
    for group in (run for run in runs if run.is_group):
        for seeds in asked_for(group):
            names = asking.setdefault((group.tags.get(tags.GROUP_KEY, ""), seeds), [])
            names.append(group.tags.get(tags.DEFINITION, ""))
    for run in runs:
        place = run.tags.get(tags.GROUP_KEY, ""), run.tags.get(tags.SEEDS, "")
        names = [] if run.is_group else asking.get(place, [])
        for name in dict.fromkeys(names or [run.tags.get(tags.DEFINITION, "")]):
            yield replace(run, tags=run.tags | {tags.DEFINITION: name})
