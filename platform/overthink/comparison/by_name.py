"""Stored runs by what tables and pages call them: an ID or its first characters, or the name of a run or group."""

from collections.abc import Sequence

from overthink.comparison.arms import runs_of_group
from overthink.store.stored import StoredRun, once_each

SHORTEST_ID = 6
"""Characters of an ID that name a run."""
STORED = "run:"
"""Before an ID where a definition is expected (`overthink run run:ID`); elsewhere it may be left out."""


def by_id(runs: Sequence[StoredRun], name: str) -> list[StoredRun]:
    """Return the runs and groups whose ID begins with a name."""
    start = name.removeprefix(STORED)
    return [run for run in runs if len(start) >= SHORTEST_ID and run.run_id.startswith(start)]


def by_name(runs: Sequence[StoredRun], name: str) -> list[StoredRun]:
    """Return the runs and groups with an ID or a name, exactly: `quickstart: long`, `quickstart: long seed 0`.

    The names that MLflow shows, `seed 0 · long · quickstart`, are names, too. Where no group has the name, it may leave
    out what `--set` changed: `quickstart: long` is then also the name of `quickstart: long [network.growth=8]`.
    """
    if found := by_id(runs, name) or [run for run in runs if name in _names(run)]:
        return found
    return [run for run in runs if run.is_group and name == f"{run.definition}: {run.variant}"]


def with_members(found: Sequence[StoredRun], runs: Sequence[StoredRun]) -> list[StoredRun]:
    """Return runs and groups with the runs of these groups, once each."""
    members = [run for group in found if group.is_group for run in runs_of_group(group, runs)]
    return once_each([*found, *members])


def group_by_name(runs: Sequence[StoredRun], name: str) -> list[StoredRun]:
    """Return the group of a name, or the only group of a definition, with its runs; nothing where there are more."""
    groups = [run for run in by_name(runs, name) if run.is_group]
    groups = groups or [run for run in runs if run.is_group and run.definition == name]
    return with_members(groups, runs) if len({group.group_key for group in groups}) == 1 else []


def groups_of_variant(runs: Sequence[StoredRun], name: str) -> list[StoredRun]:
    """Return the groups of a variant, by its name alone: `long`; those with changes only where there are no others."""
    groups = [run for run in runs if run.is_group]
    return [run for run in groups if name == run.variant_label] or [run for run in groups if name == run.variant]


def without_changes(name: str) -> str:
    """Return the name of a group without what `--set` changed of it."""
    return name.partition(" [")[0]


def _names(run: StoredRun) -> tuple[str, ...]:
    if run.is_group:
        return run.name, run.group_label
    return run.name, f"{run.group_label} seed {run.seeds_label}"
