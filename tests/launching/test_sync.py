"""What `deliver` makes of the groups of runs that it has uploaded."""

from pathlib import Path

import pytest
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from overthink.launching import sync
from overthink.outbox.pending import UploadSummary
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.reader import run_of
from overthink.store.writer import Writer
from support.machines import machine


@pytest.mark.parametrize("purged", [False, True])
def test_a_group_or_a_run_that_was_deleted_meanwhile_stops_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch, purged: bool
) -> None:
    writer, experiment = Writer(store), store.experiment("e", "A note.")
    group_ids = [writer.create(experiment, f"group {key}", {tags.GROUP_KEY: key}, {}) for key in "abc"]
    run_ids = [
        writer.create(experiment, "run", {tags.PARENT_OF_MLFLOW: group_id, tags.IMPORTED: "elsewhere"}, {})
        for group_id in group_ids
    ]
    for run_id in (run_ids[0], group_ids[1]):
        store.client.delete_run(run_id)
        if purged:
            SqlAlchemyStore(store.uri, str(Path.cwd()))._hard_delete_run(run_id)
    monkeypatch.setattr(sync, "upload_pending", lambda *_: UploadSummary(run_ids=run_ids))
    sync.deliver(store, writer)
    assert run_of(store, group_ids[2]).outcome == tags.FINISHED


def test_a_run_that_is_ended_while_others_are_closed_stays_as_it_ended(store: Store, tmp_path: Path) -> None:
    """Its results were uploaded at that moment: it was found running, and finished when its turn came."""
    with machine("A", tmp_path):
        ours, experiment = Writer(store), store.experiment("e", "A note.")
        kind = {tags.KIND: tags.KIND_RUN}
        run_ids = [ours.create(experiment, f"run {key}", kind, {}) for key in "abc"]

    class Uploading(Writer):
        def close(self, run_id: str, outcome: str, message: str = "", ended_ms: int | None = None) -> None:
            super().close(run_id, outcome, message, ended_ms)
            for other in {*run_ids} - {run_id}:
                ours.close(other, tags.FINISHED)

    with machine("B", tmp_path, clock=3600):
        sync.mark_abandoned_as_interrupted(store, Uploading(store))
    assert sorted(run_of(store, run_id).outcome for run_id in run_ids) == ["finished", "finished", "interrupted"]
