"""Stored runs by what a person calls them: a definition, a sweep, an experiment name, an ID or its first characters."""

import shlex
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from overthink.cli.sweep_names import runs_of_sweep
from overthink.cli.unknown_names import no_such, of_variant
from overthink.comparison.by_name import by_id, by_name, with_members
from overthink.comparison.kernels import named_apart
from overthink.comparison.sweeps import without_trials
from overthink.definition.errors import DefinitionError
from overthink.definition.loading import load_experiment
from overthink.definition.source import find, is_definition
from overthink.sentences import listed
from overthink.store import tags
from overthink.store.all_runs import all_runs
from overthink.store.changes import as_setting
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun, finished_per_key, once_each


def chosen_runs(store: ReadableStore, names: Sequence[str]) -> list[StoredRun]:
    """Return the runs and groups that the names select, once each; all of them where there is no name.

    The ID of a group selects it and its runs. Raises DefinitionError where a name selects nothing.
    """
    if not names:
        return named_apart(all_runs(store))
    return once_each(run for of_name in chosen_by_name(store, names) for run in of_name)


def runs_named(store: ReadableStore, names: Sequence[str]) -> list[StoredRun]:
    """Return what `chosen_runs` returns; raises DefinitionError also where there is nothing of it in the store."""
    if chosen := chosen_runs(store, names):
        return chosen
    raise not_run(store, names)


def chosen_by_name(store: ReadableStore, names: Sequence[str]) -> list[list[StoredRun]]:
    """Return the runs and groups that each name selects. Raises DefinitionError where a name selects nothing."""
    runs = named_apart(all_runs(store))
    return [_selected(runs, name) for name in names]


def not_run(store: ReadableStore, names: Sequence[str]) -> DefinitionError:
    """Return the error for definitions without stored runs; it lists the stored groups with other values."""
    definitions = {_name_in_store(name) for name in names}
    others = [run for run in all_runs(store) if run.is_group and run.definition in definitions]
    given = ", ".join(names)
    if not names:
        return DefinitionError("no runs in the store yet; start some with overthink run")
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


def title_of(name: str, runs: Sequence[StoredRun]) -> str:
    """Return the title of what a name selects: of an ID, which says nothing, the name of its run or group."""
    found = by_id(runs, name)
    return found[0].name if found else name


def command_again(name: str, runs: Sequence[StoredRun]) -> str:
    """Return the command that repeats what a name selects among the runs; a line for each set of `--set` options."""
    found = by_name(runs, name)
    imported = [run for run in found or runs if run.imported]
    if imported:
        return "\n".join(dict.fromkeys(run.params.get("import", "") for run in reversed(imported) if run.params))
    if found and (trained := _repeated_by_id(found, runs)):
        return "\n".join(f"overthink run run:{run.run_id}" for run in trained)
    groups = found or sorted((run for run in runs if run.is_group), key=lambda run: run.started_ms)
    if any(group.sweep for group in groups):
        return f"overthink sweep {shlex.quote(name)}"
    definition = found[0].definition if found else name
    again = dict.fromkeys(_command(definition, group.changes) for group in groups)
    return "\n".join(again) or _command(definition, {})


def _repeated_by_id(found: Sequence[StoredRun], runs: Sequence[StoredRun]) -> list[StoredRun]:
    """Return the runs that only their IDs repeat: one that a name selects, or those of a sweep's trial."""
    if not found[0].is_group:
        return [found[0]]
    return [run for run in with_members(found, runs) if not run.is_group] if found[0].sweep else []


def _command(name: str, changes: Mapping[str, JsonValue]) -> str:
    settings = [f"--set {shlex.quote(as_setting(path, value))}" for path, value in changes.items()]
    return " ".join(["overthink run", shlex.quote(name), *settings])


def the_run(store: ReadableStore, name: str) -> StoredRun:
    """Return the finished run with an ID, its first characters (at least six), or a name; the newest of that name.

    A group or experiment of one run stands for that run. Raises DefinitionError where there is none, where there are
    several, or where the run is not finished.
    """
    finished = finished_runs(store, name)
    if len(finished) > 1:
        raise DefinitionError(f"{name} has {len(finished)} finished runs; name one, such as {finished[-1].name!r}")
    return finished[0]


def finished_runs(store: ReadableStore, name: str) -> list[StoredRun]:
    """Return the finished run that `the_run` returns, or all those of a group, experiment, or sweep, oldest first.

    Raises DefinitionError where there is none.
    """
    runs = all_runs(store)
    _check_one_id(runs, name)
    chosen = _selected(runs, name)
    of_name = [run for run in chosen if run.kind == tags.KIND_RUN]
    if not of_name:
        raise not_run(store, [name])
    finished = finished_per_key(of_name)
    if not finished:
        raise DefinitionError(f"{name}: run {of_name[0].name} is not finished (status: {of_name[0].outcome})")
    return finished if any(run.is_group for run in chosen) else finished[-1:]


def one_of(runs: Sequence[StoredRun], name: str) -> StoredRun:
    """Return the run or group with an ID, the first characters of an ID, or a name; the newest of that name.

    Raises DefinitionError where there is none, or where the characters fit several IDs.
    """
    _check_one_id(runs, name)
    found = by_name(runs, name)
    if not found:
        raise no_such(runs, name)
    return found[0]


def one_group(runs: Sequence[StoredRun], name: str) -> StoredRun:
    """Return the run or group with an ID or a name, or the one group of a definition, experiment, or variant.

    Raises DefinitionError where there is none, or where a definition or experiment has several groups.
    """
    if by_name(runs, name):
        return one_of(runs, name)
    groups = {run.run_id: run for run in _selected(runs, name) if run.is_group}
    if len(groups) == 1:
        return next(iter(groups.values()))
    if not groups:
        raise DefinitionError(f"{name}: no runs in the store; start them with overthink run")
    names = [f"{group.name!r}" for group in groups.values()]
    raise DefinitionError(f"{name} has {len(groups)} groups; name one of them: {listed(names)}")


def _check_one_id(runs: Sequence[StoredRun], name: str) -> None:
    if len(found := by_id(runs, name)) > 1:
        raise DefinitionError(f"{name}: {len(found)} runs have an ID that starts with it; give more of it")


def _selected(runs: Sequence[StoredRun], name: str) -> list[StoredRun]:
    if found := by_name(runs, name):
        return with_members(found, runs)
    if (trials := runs_of_sweep(runs, name)) is not None:
        return trials
    keys = {run.group_key for run in runs if run.definition == name}
    if not keys and not is_definition(name):
        return of_variant(runs, name)
    try:
        groups = load_experiment(find(name)).groups
        keys = {one.key for group in groups for one in group.definition.by_either_kernels}
    except DefinitionError:
        if not keys:
            raise
    return without_trials((run for run in runs if run.group_key in keys), runs)
