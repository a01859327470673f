"""What the store has of a run that is asked for."""

from collections.abc import Iterable

from overthink.definition.run_definition import GroupDefinition, RunDefinition
from overthink.store import tags
from overthink.store.finding import find_runs
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun, newest_per_key


def counting_run(known: Iterable[StoredRun]) -> StoredRun | None:
    """Return the run that a key stands at: the finished one, unless a later --force was interrupted and is resumed."""
    runs = sorted(known, key=lambda run: (run.started_ms, run.is_finished))
    if runs and runs[-1].forced and runs[-1].outcome != tags.DIVERGED:
        return runs[-1]
    return next(iter(newest_per_key(runs).values()), None)


def lacks_snapshots(stored: StoredRun | None, asked: GroupDefinition) -> bool:
    """Tell whether a finished run has not kept all the snapshots that are asked for, so that it is trained again."""
    return stored is not None and stored.is_finished and not {*asked.keep} <= {*stored.snapshots}


def stored_with(store: ReadableStore | None, **wanted: str) -> list[StoredRun]:
    """Return the runs, without groups, whose tags have the wanted values, newest first; none without a store."""
    return find_runs(store, kind=tags.KIND_RUN, **wanted) if store else []


def finished_id(store: ReadableStore | None, run: RunDefinition) -> str | None:
    """Return the id of the finished run of a definition, if there is one, with the snapshots that it asks for."""
    runs = newest_per_key(stored_with(store, run_key=run.key)).values()
    return next((one.run_id for one in runs if one.is_finished and not lacks_snapshots(one, run)), None)
