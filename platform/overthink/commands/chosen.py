"""Which stored runs a person means: by definition, by experiment name, by run id or the beginning of one."""

import re
import shlex
from collections.abc import Sequence

from overthink.comparison.arms import runs_of_group
from overthink.definition.errors import DefinitionError
from overthink.definition.experiment import load_experiment
from overthink.definition.source import find
from overthink.tracking import tags
from overthink.tracking.reader import search
from overthink.tracking.store import Store
from overthink.tracking.stored import StoredRun

SHORTEST_ID = 6


def chosen_runs(store: Store, names: Sequence[str]) -> list[StoredRun]:
    """Return runs and groups of ours that the names mean, once each; all of them where there is no name.

    The id of a group means it and its runs. Raises DefinitionError where a name means nothing.
    """
    runs = [run for run in search(store, "") if tags.KIND in run.tags]
    if not names:
        return runs
    found = [run for name in names for run in _meant(runs, name)]
    return list({run.run_id: run for run in found}.values())


def command_again(name: str, runs: Sequence[StoredRun]) -> str:
    """Return the command that makes again what a name means among these runs."""
    by_id = _by_id(runs, name)
    if not by_id:
        return f"overthink run {name}"
    if not by_id[0].is_group:
        return f"overthink run run:{by_id[0].run_id}"
    changes = by_id[0].tags.get(tags.CHANGES, "")
    settings = [f"--set {shlex.quote(change)}" for change in _separate(changes)]
    return " ".join(["overthink run", shlex.quote(by_id[0].tags.get(tags.DEFINITION, "")), *settings])


def _separate(changes: str) -> list[str]:
    """Return `a.b=[1, 2], c=3` as its settings; a comma within a value is not followed by a path and =."""
    return [change for change in re.split(r", (?=[a-z_][\w.]*=)", changes) if change]


def the_run(store: Store, name: str) -> StoredRun:
    """Return the one finished run that an id, or at least its first six characters, names."""
    runs = [run for run in search(store, "") if run.tags.get(tags.KIND) == tags.KIND_RUN]
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
        keys = {run.tags.get(tags.GROUP_KEY, "") for run in runs if run.tags.get(tags.DEFINITION) == name}
        if not keys:
            raise
    return [run for run in runs if run.tags.get(tags.GROUP_KEY) in keys]


def _by_id(runs: Sequence[StoredRun], name: str) -> list[StoredRun]:
    return [run for run in runs if len(name) >= SHORTEST_ID and run.run_id.startswith(name)]
