"""Delivering what earlier calls have left for the store: runs first, then their groups are put together."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from overthink.definition.run_definition import parse_run
from overthink.launching.recording.group_recorder import GroupRecorder
from overthink.outbox.leftovers import UploadSummary, upload_pending
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
    one_each = {run.group_id: run for run in runs if run.group_id}
    for group_id, run in one_each.items():
        group = run_of(store, group_id)
        if group.outcome != tags.RUNNING or is_gone(group.process) or is_this(group.process):  # else somebody is at it
            try:
                _aggregate(store, writer, group, run)
            except UNREADABLE as error:  # the same `overthink run` tries again, and says so
                with suppress(StoreError):  # a group without a process counts as interrupted, too
                    writer.close(group_id, tags.INTERRUPTED, f"not put together: {error}")


def _aggregate(store: Store, writer: Writer, group: StoredRun, run: StoredRun) -> None:
    with TemporaryDirectory() as folder:
        text = store.artifact(run.run_id, tags.DEFINITION_FILE, Path(folder)).read_text()
    members = newest_per_key(find_runs(store, kind=tags.KIND_RUN, group_key=group.group_key)).values()
    finished = {member.seeds for member in members if member.outcome == tags.FINISHED}
    whole = finished >= {(seeds,) for seeds in group.seeds}
    recorder = GroupRecorder(
        store, writer, group.group_key, group.name, parse_run(text, run.name), group.run_id, changed=True
    )
    recorder.close(tags.FINISHED if whole else tags.INTERRUPTED)
