"""A finished attempt at a run that another process has resumed meanwhile becomes a run of its own, which counts."""

from collections.abc import Mapping
from typing import NamedTuple

from overthink.store import tags
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.finding import find_runs
from overthink.store.liveness import RunProcess, is_gone
from overthink.store.reader import active_run, run_of
from overthink.store.writer import Writer

OF_A_PROCESS = {
    *(tags.HOST, tags.PROCESS, tags.HEARTBEAT),
    *(tags.OUTCOME, tags.MESSAGE, tags.ATTEMPT, tags.REPLACED_BY, tags.REPLACES),
}


class Facts(NamedTuple):
    """What does not depend on the process that trains a run."""

    tags: dict[str, str]
    params: dict[str, str]


def facts_of(store: Store, run_id: str) -> Facts:
    """Return our tags and the parameters of a run, as far as every attempt at it has the same."""
    with store.sentences():
        data = store.client.get_run(run_id).data
    ours = {key: value for key, value in data.tags.items() if key.startswith(tags.named(""))}
    return Facts({key: value for key, value in ours.items() if key not in OF_A_PROCESS}, dict(data.params))


def replaced_by_run_of(run_tags: Mapping[str, str]) -> str:
    """Return the id of the run that a run with these tags counts instead of; nothing where there is none."""
    return run_tags.get(tags.REPLACES, "")


def copy_definition(store: Store, writer: Writer, run_id: str, to: str) -> None:
    """Store the definition of a run with another one, if it is there."""
    try:
        text = store.text(run_id, tags.DEFINITION_FILE)
    except (StoreError, OSError, UnicodeDecodeError):  # the process that began the run was killed before it was written
        store.ping()
        return
    writer.text(to, tags.DEFINITION_FILE, text)


def mark_replaced(store: Store, writer: Writer, run_id: str, by: str) -> None:
    """Note on an unfinished run that another one counts; close it, unless a process still trains it.

    One that was deleted is left alone.
    """
    run = active_run(store, run_id)
    # A group's server lets nobody mark a result, and both are results.
    if run is None or run.outcome in (tags.FINISHED, tags.DIVERGED):
        return
    writer.log(run_id, run_tags={tags.REPLACED_BY: by})
    if run.outcome != tags.RUNNING or is_gone(run.process):
        writer.close(run_id, tags.INTERRUPTED, _message(by))


def keep_first(store: Store, writer: Writer, run_key: str) -> None:
    """Let one finished run of a key count, where processes that could not see each other have trained it each.

    Of runs that --force has not asked for, that is the one that ended first. Each process looks once its own has ended,
    so the last one sees all.
    """
    runs = find_runs(store, kind=tags.KIND_RUN, run_key=run_key)
    finished = [run for run in runs if run.is_finished and not run.forced and not run.replaced_by]
    finished.sort(key=lambda run: (run.ended_ms or 0, run.run_id))
    for run in finished[1:]:
        writer.log(run.run_id, run_tags={tags.REPLACED_BY: finished[0].run_id})


def close_replaced(store: Store, writer: Writer, run_id: str, process: RunProcess) -> None:
    """Close a run that another one counts instead of, where this process has trained it until now."""
    run = run_of(store, run_id)
    if run.replaced_by and run.outcome == tags.RUNNING and run.process[:2] == process[:2]:
        writer.close(run_id, tags.INTERRUPTED, _message(run.replaced_by))


def _message(by: str) -> str:
    return f"another process has finished this run: run {by} counts"
