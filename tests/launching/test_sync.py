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
