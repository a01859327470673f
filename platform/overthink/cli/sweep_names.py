"""Sweeps by what `overthink sweep` takes, a file or the name of a shipped sweep, for every command that shows runs."""

import shlex
from collections.abc import Sequence

from overthink.comparison.by_name import with_members
from overthink.definition.errors import DefinitionError
from overthink.definition.source import SWEEPS, find, read_yaml
from overthink.store.stored import StoredRun


def runs_of_sweep(runs: Sequence[StoredRun], name: str) -> list[StoredRun] | None:
    """Return the groups and runs of a sweep's trials; None where the name is that of no sweep.

    Raises DefinitionError where the sweep has no trials in the store.
    """
    try:
        read = read_yaml(find(name, SWEEPS))
        title = str(read.get("name")) if read.get("kind") == "sweep" else None
    except DefinitionError:
        title = name if any(run.sweep and run.definition == name for run in runs) else None
    if title is None:
        return None
    own = [run for run in runs if run.definition == title]
    if not own:
        raise DefinitionError(
            f"{name}: no trials of this sweep in the store; start them with overthink sweep {shlex.quote(name)}"
        )
    return with_members(own, runs)
