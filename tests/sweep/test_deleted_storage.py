"""A sweep whose trials or runs are deleted from the disk while it goes: one sentence, and the next call has it all."""

import logging
from pathlib import Path

import pytest

from overthink.launching.outcomes import Options
from overthink.launching.planned_run import PlannedRun
from overthink.running.events import Event
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.finding import find_runs
from overthink.sweep.storage import TrialStoreError, storage_uri
from overthink.sweep.sweeping import sweep
from overthink.training.epoch_record import EpochRecord
from support.engines import ReplayingEngine
from support.small_sweep import RecordingListener, tiny_sweep


class Deleting(RecordingListener):
    """Deletes a file in the second trial."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def on_event(self, run: PlannedRun, event: Event) -> None:
        super().on_event(run, event)
        if isinstance(event, EpochRecord) and len(self.epochs) == 3:
            self._file.unlink()


@pytest.mark.parametrize("name", ["optuna.db", "mlflow.db"])
def test_a_deleted_database_ends_a_sweep_in_one_sentence(
    store: Store,
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OVERTHINK_PATIENCE", "1")
    loaded = tiny_sweep(tmp_path, seeds=1, trials=3)
    with pytest.raises((TrialStoreError, StoreError), match="the file was deleted or moved; the next command makes"):
        sweep(loaded, store, storage_uri(), Options(), Deleting(tmp_path / name), ReplayingEngine())
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert capfd.readouterr().err == ""
    again = RecordingListener()
    found = sweep(loaded, new := Store(store.uri), storage_uri(), Options(), again, ReplayingEngine())
    assert found.results.counts == {tags.FINISHED: 3}
    runs = find_runs(new, kind=tags.KIND_RUN)
    # A trial that is finished stays so; its run went with the store.
    assert len(runs) == len({run.run_key for run in runs}) == (3 if name == "optuna.db" else 2)
    assert all(run.is_finished for run in runs)

    assert len(again.epochs) <= 3
