"""Sweeps by what `overthink sweep` takes, a file or the name of a shipped sweep, for every command that shows runs."""

import shlex
from collections.abc import Sequence

from overthink.definition.errors import DefinitionError
from overthink.definition.source import SWEEPS, find, read_yaml
from overthink.store.stored import StoredRun


def runs_of_sweep(runs: Sequence[StoredRun], name: str) -> list[StoredRun] | None:
    """Return the groups and runs of a sweep's trials; None where the name is that of no sweep file.

    Raises DefinitionError where the sweep has no trials in the store.
    """
    try:
        read = read_yaml(find(name, SWEEPS))
    except DefinitionError:
        return None
    if read.get("kind") != "sweep":
        return None
    keys = {run.group_key for run in runs if run.definition == read.get("name")}
    if not keys:
        raise DefinitionError(
            f"{name}: no trials of this sweep in the store; start them with overthink sweep {shlex.quote(name)}"
        )
    return [run for run in runs if run.group_key in keys]
