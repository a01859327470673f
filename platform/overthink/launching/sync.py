"""Bringing a store up to date with what earlier calls left behind: queued uploads, their groups, abandoned runs."""

from collections.abc import Iterable
from contextlib import suppress

from overthink.definition.run_definition import parse_run
from overthink.launching.recording.group_recorder import close_group
from overthink.outbox.pending import UploadSummary, upload_pending
from overthink.store import tags
from overthink.store.claims import remove_abandoned
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.liveness import is_gone, is_this
from overthink.store.reader import active_run
from overthink.store.writer import Writer

ABANDONED = "process died unexpectedly; rerun the command to resume"
_RUNNING = "attributes.status = 'RUNNING'"
_HALF_RESUMED = (
    f"attributes.status != 'RUNNING' and attributes.status != 'FINISHED' and tags.`{tags.OUTCOME}` = '{tags.RUNNING}'"
)
"""Runs of processes that were killed while they resumed them: between the tags and the status."""


def deliver(store: Store, writer: Writer) -> UploadSummary:
    """Upload what is queued for a store, and aggregate the groups of those runs; a second time changes nothing."""
    done = upload_pending(store, writer)
    if done.run_ids:
        _aggregate_groups(store, writer, done.run_ids)
    return done


def mark_abandoned_as_interrupted(store: Store, writer: Writer, force: bool = False) -> int:
    """Close runs and groups whose processes have died as interrupted, and remove their claims; return how many closed.

    A heartbeat from the future is set to now, unless --force is to decide: a process that is alive renews it within a
    minute, and one that is not counts as abandoned after the usual time.
    """
    found = [*store.search(_RUNNING), *store.search(_HALF_RESUMED)]
    running = [run for run in found if run.kind or run.sweep]
    abandoned = [run for run in running if is_gone(run.process)]
    if not force:
        writer.heartbeat(run.run_id for run in running if run not in abandoned and run.process.is_from_the_future)
    for run in abandoned:
        try:
            now = active_run(store, run.run_id)  # again: what is uploaded at this moment may have ended it
            if now is not None and now.outcome == run.outcome and now.process == run.process:
                writer.close(run.run_id, tags.INTERRUPTED, ABANDONED)
        except StoreError:  # somebody has deleted it a moment ago, or this account may only read it
            store.ping()
    remove_abandoned(store)
    return len(abandoned)


def _aggregate_groups(store: Store, writer: Writer, run_ids: Iterable[str]) -> None:
    runs = [active_run(store, run_id) for run_id in run_ids]
    one_each = {run.group_id: run for run in runs if run is not None and run.group_id}
    for group_id, run in one_each.items():
        group = active_run(store, group_id)
        if group is None:  # somebody has deleted it: the next run of it makes another one
            continue
        if group.outcome != tags.RUNNING or is_gone(group.process) or is_this(group.process):  # else it is in use
            try:
                definition = None
                if not run.imported:
                    definition = parse_run(store.text(run.run_id, tags.DEFINITION_FILE), run.name)
                close_group(store, writer, group_id, definition)
            except (OSError, ValueError, StoreError) as error:  # the same `overthink run` tries again, and reports it
                with suppress(StoreError):  # a group without a process counts as interrupted, too
                    writer.close(group_id, tags.INTERRUPTED, f"not aggregated: {error}")
