"""Delivering what earlier calls have left for the store: runs first, then their groups are put together."""

from collections.abc import Iterable
from contextlib import suppress

from overthink.definition.run_definition import parse_run
from overthink.launching.recording.group_recorder import GroupRecorder
from overthink.outbox.leftovers import UploadSummary, upload_pending
from overthink.seeds import split_labels
from overthink.store import tags
from overthink.store.client import Store, StoreError
from overthink.store.liveness import is_gone, is_this
from overthink.store.reader import find_runs, run_of
from overthink.store.stored import StoredRun, newest_per_key
from overthink.store.writer import Writer

UNREADABLE = (OSError, ValueError, StoreError)


def deliver(store: Store, writer: Writer) -> UploadSummary:
    """Deliver what waits for a store, and aggregate the groups of what was delivered; a second time changes nothing."""
    done = upload_pending(store, writer)
    if done.run_ids:
        _put_together(store, writer, done.run_ids)
    return done


def _put_together(store: Store, writer: Writer, run_ids: Iterable[str]) -> None:
    runs = [run_of(store, run_id) for run_id in run_ids]
    one_each = {run.tags["mlflow.parentRunId"]: run for run in runs if "mlflow.parentRunId" in run.tags}
    for group_id, run in one_each.items():
        group = run_of(store, group_id)
        if group.outcome != tags.RUNNING or is_gone(group.tags) or is_this(group.tags):  # else somebody is at it
            try:
                _aggregate(store, writer, group, run)
            except UNREADABLE as error:  # the same `overthink run` tries again, and says so
                with suppress(StoreError):  # a group without a process counts as interrupted, too
                    writer.close(group_id, tags.INTERRUPTED, f"not put together: {error}")


def _aggregate(store: Store, writer: Writer, group: StoredRun, run: StoredRun) -> None:
    text = store.text(run.run_id, tags.DEFINITION_FILE)
    key = group.tags[tags.GROUP_KEY]
    members = newest_per_key(find_runs(store, kind=tags.KIND_RUN, group_key=key)).values()
    finished = {member.tags.get(tags.SEEDS) for member in members if member.outcome == tags.FINISHED}
    whole = finished >= set(split_labels(group.tags.get(tags.SEEDS, "")))
    recorder = GroupRecorder(store, writer, key, group.name, parse_run(text, run.name), group.run_id, changed=True)
    recorder.close(tags.FINISHED if whole else tags.INTERRUPTED)
