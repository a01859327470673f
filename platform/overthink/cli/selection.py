"""Stored runs by what a person calls them: a definition, an experiment name, a run ID or its first characters."""

import shlex
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from overthink.comparison.arms import runs_of_group
from overthink.comparison.kernels import named_apart
from overthink.definition.errors import DefinitionError
from overthink.definition.loading import load_experiment
from overthink.definition.source import find
from overthink.sentences import listed
from overthink.store import tags
from overthink.store.changes import as_setting
from overthink.store.client import Store
from overthink.store.reader import all_runs
from overthink.store.stored import StoredRun

SHORTEST_ID = 6


def chosen_runs(store: Store, names: Sequence[str]) -> list[StoredRun]:
    """Return the runs and groups that the names select, once each; all of them where there is no name.

    The ID of a group selects it and its runs. Raises DefinitionError where a name selects nothing.
    """
    runs = named_apart(all_runs(store))
    if not names:
        return runs
    found = [run for name in names for run in _selected(runs, name)]
    return list({run.run_id: run for run in found}.values())


def not_run(store: Store, names: Sequence[str]) -> DefinitionError:
    """Return the error for definitions without stored runs; it lists the stored groups with other values."""
    called = {_name_in_store(name) for name in names}
    others = [run for run in all_runs(store) if run.is_group and run.definition in called]
    given = ", ".join(names)
    if not others:
        return DefinitionError(f"{given}: no runs in the store; start them with overthink run")
    versions = "; ".join(f"{run.run_id[:8]} {_changes_of(run)}" for run in others)
    return DefinitionError(
        f"{given}: the store has no runs of the definition as it is now, but of other versions; "
        f"select one by its ID: {versions}"
    )


def _name_in_store(name: str) -> str:
    """Return the definition name under which the store has what a person calls `name`."""
    try:
        return load_experiment(find(name)).experiment.name
    except DefinitionError:
        return name


def _changes_of(group: StoredRun) -> str:
    return f"({group.changes_label or 'an earlier version'})"


def command_again(name: str, runs: Sequence[StoredRun]) -> str:
    """Return the command that repeats what a name selects among the runs; a line for each set of `--set` options."""
    by_id = _by_id(runs, name)
    imported = [run for run in by_id or runs if run.imported]
    if imported:
        return "\n".join(dict.fromkeys(run.params.get("import", "") for run in reversed(imported) if run.params))
    if by_id and not by_id[0].is_group:
        return f"overthink run run:{by_id[0].run_id}"
    groups = by_id or sorted((run for run in runs if run.is_group), key=lambda run: run.started_ms)
    called = by_id[0].definition if by_id else name
    return "\n".join(dict.fromkeys(_command(called, group.changes) for group in groups)) or _command(called, {})


def _command(name: str, changes: Mapping[str, JsonValue]) -> str:
    settings = [f"--set {shlex.quote(as_setting(path, value))}" for path, value in changes.items()]
    return " ".join(["overthink run", shlex.quote(name), *settings])


def the_run(store: Store, name: str) -> StoredRun:
    """Return the finished run with an ID, or with an ID that starts with `name` (at least six characters).

    Raises DefinitionError where there is none, where there are several, or where the run is not finished.
    """
    runs = [run for run in all_runs(store) if run.kind == tags.KIND_RUN]
    fitting = _by_id(runs, name)
    if len(fitting) != 1:
        raise DefinitionError(
            f"{name}: {len(fitting) or 'no'} runs have an ID that starts with it; "
            f"give at least {SHORTEST_ID} characters of one run ID"
        )
    if fitting[0].outcome != tags.FINISHED:
        raise DefinitionError(f"{name}: run {fitting[0].name} is not finished (status: {fitting[0].outcome})")
    return fitting[0]


def one_of(runs: Sequence[StoredRun], name: str) -> StoredRun:
    """Return the run or group with an ID, the first characters of an ID, or a name; the newest of that name.

    Raises DefinitionError where there is none, or where the characters fit several IDs.
    """
    fitting = _by_id(runs, name)
    if len(fitting) > 1:
        raise DefinitionError(f"{name}: {len(fitting)} runs have an ID that starts with it; give more characters")
    named = fitting or [run for run in runs if run.name == name]
    if not named:
        raise DefinitionError(f"{name}: no run or group has this ID or name (example: 'quickstart: long seed 0')")
    return named[0]


def one_group(runs: Sequence[StoredRun], name: str) -> StoredRun:
    """Return the run or group with an ID or a name, or the one group of a definition or experiment.

    Raises DefinitionError where there is none, or where a definition or experiment has several groups.
    """
    if _by_id(runs, name) or any(run.name == name for run in runs):
        return one_of(runs, name)
    groups = {run.run_id: run for run in _selected(runs, name) if run.is_group}
    if len(groups) == 1:
        return next(iter(groups.values()))
    if not groups:
        raise DefinitionError(f"{name}: no runs in the store")
    names = [f"{group.name!r}" for group in groups.values()]
    raise DefinitionError(f"{name}: it has {len(groups)} groups, name one of them: {listed(names)}")


def _selected(runs: Sequence[StoredRun], name: str) -> list[StoredRun]:
    if by_id := _by_id(runs, name):
        return [*by_id, *(run for group in by_id if group.is_group for run in runs_of_group(group, runs))]
    try:
        groups = load_experiment(find(name)).groups
        keys = {one.key for group in groups for one in group.definition.by_either_kernels}
    except DefinitionError:
        keys = {run.group_key for run in runs if run.definition == name}
        if not keys:
            raise
    return [run for run in runs if run.group_key in keys]


def _by_id(runs: Sequence[StoredRun], name: str) -> list[StoredRun]:
    return [run for run in runs if len(name) >= SHORTEST_ID and run.run_id.startswith(name)]
