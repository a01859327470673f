"""Which stored runs a person means: by definition, by experiment name, by run id or the beginning of one."""

import shlex
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from overthink.comparison.arms import runs_of_group
from overthink.definition.errors import DefinitionError
from overthink.definition.loading import load_experiment
from overthink.definition.source import find
from overthink.store import tags
from overthink.store.changes import as_setting
from overthink.store.client import Store
from overthink.store.reader import search
from overthink.store.stored import StoredRun

SHORTEST_ID = 6


def chosen_runs(store: Store, names: Sequence[str]) -> list[StoredRun]:
    """Return runs and groups of ours that the names mean, once each; all of them where there is no name.

    The id of a group means it and its runs. Raises DefinitionError where a name means nothing.
    """
    runs = [run for run in search(store, "") if run.kind]
    if not names:
        return runs
    found = [run for name in names for run in _meant(runs, name)]
    return list({run.run_id: run for run in found}.values())


def not_run(store: Store, names: Sequence[str]) -> DefinitionError:
    """Return what is to be said where names mean no run: what else there is of these definitions."""
    called = {_called(name) for name in names}
    others = [run for run in search(store, "") if run.is_group and run.definition in called]
    said = ", ".join(names)
    if not others:
        return DefinitionError(f"{said}: nothing of this has been run yet; overthink run does it")
    versions = "; ".join(f"{run.run_id[:8]} {_changes_of(run)}" for run in others)
    return DefinitionError(
        f"{said}: nothing of this has been run as it is written now, but with other values; ask for one by its id: "
        f"{versions}"
    )


def _called(name: str) -> str:
    """Return the name under which a store has what a name means."""
    try:
        return load_experiment(find(name)).experiment.name
    except DefinitionError:
        return name


def _changes_of(group: StoredRun) -> str:
    return f"({group.changes_label or 'an earlier version'})"


def command_again(name: str, runs: Sequence[StoredRun]) -> str:
    """Return the command that makes again what a name means among these runs; a line for each `--set` they had."""
    by_id = _by_id(runs, name)
    if by_id and not by_id[0].is_group:
        return f"overthink run run:{by_id[0].run_id}"
    groups = by_id or sorted((run for run in runs if run.is_group), key=lambda run: run.started_ms)
    called = by_id[0].definition if by_id else name
    return "\n".join(dict.fromkeys(_command(called, group.changes) for group in groups)) or _command(called, {})


def _command(name: str, changes: Mapping[str, JsonValue]) -> str:
    settings = [f"--set {shlex.quote(as_setting(path, value))}" for path, value in changes.items()]
    return " ".join(["overthink run", shlex.quote(name), *settings])


def the_run(store: Store, name: str) -> StoredRun:
    """Return the one finished run that an id, or at least its first six characters, names."""
    runs = [run for run in search(store, "") if run.kind == tags.KIND_RUN]
    fitting = _by_id(runs, name)
    if len(fitting) != 1:
        raise DefinitionError(
            f"{name}: {len(fitting) or 'no'} runs have an id that begins so; "
            f"give {SHORTEST_ID} characters of one or more"
        )
    if fitting[0].outcome != tags.FINISHED:
        raise DefinitionError(f"{name}: run {fitting[0].name} is not finished, but {fitting[0].outcome}")
    return fitting[0]


def one_of(runs: Sequence[StoredRun], name: str) -> StoredRun:
    """Return the one run or group that an id, its beginning, or a name means: of runs of one name, the newest.

    Raises DefinitionError where there is none, or where an id's beginning fits several.
    """
    fitting = _by_id(runs, name)
    if len(fitting) > 1:
        raise DefinitionError(f"{name}: {len(fitting)} runs have an id that begins so")
    named = fitting or [run for run in runs if run.name == name]
    if not named:
        raise DefinitionError(f"{name}: no run or group has this id or this name, such as 'quickstart: long seed 0'")
    return named[0]


def _meant(runs: Sequence[StoredRun], name: str) -> list[StoredRun]:
    if by_id := _by_id(runs, name):
        return [*by_id, *(run for group in by_id if group.is_group for run in runs_of_group(group, runs))]
    try:
        keys = {group.definition.key for group in load_experiment(find(name)).groups}
    except DefinitionError:
        keys = {run.group_key for run in runs if run.definition == name}
        if not keys:
            raise
    return [run for run in runs if run.group_key in keys]


def _by_id(runs: Sequence[StoredRun], name: str) -> list[StoredRun]:
    return [run for run in runs if len(name) >= SHORTEST_ID and run.run_id.startswith(name)]
