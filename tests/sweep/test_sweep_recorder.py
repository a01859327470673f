"""A sweep and its trials are in the store once, whoever begins or reports them twice."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from overthink.store import tags
from overthink.store.client import Store
from overthink.store.reader import find_runs
from overthink.store.writer import Writer
from overthink.sweep.ask_tell import AskTell, Ending
from overthink.sweep.storage import opened, storage_uri
from overthink.sweep.sweep_recorder import DEFINITION_FILE, SweepRecorder
from support.late_writer import LateWriter
from support.small_sweep import tiny_sweep


def test_machines_that_begin_a_sweep_at_once_share_its_run(store: Store, tmp_path: Path) -> None:
    loaded = tiny_sweep(tmp_path)
    store.experiment(loaded.sweep.name, loaded.sweep.description)
    with ThreadPoolExecutor() as threads:
        older = threads.submit(SweepRecorder.open, store, LateWriter(store), loaded)
        time.sleep(0.2)
        newer = SweepRecorder.open(store, Writer(store), loaded)
    (run,) = find_runs(store, sweep=loaded.study_name)
    assert [older.result().run_id, newer.run_id] == [run.run_id] * 2
    assert run.outcome == tags.RUNNING
    assert store.text(run.run_id, DEFINITION_FILE)


def test_a_trial_without_a_group_that_is_reported_again_has_one_run(store: Store, tmp_path: Path) -> None:
    """A process that is killed between the store and the study leaves a trial that the next one reports again."""
    loaded = tiny_sweep(tmp_path)
    recorder = SweepRecorder.open(store, Writer(store), loaded)
    with opened(storage_uri()) as storage:
        asked = AskTell(loaded, storage, alone=True).next()
        assert asked is not None
        ending = Ending(tags.PRUNED, "outside its bounds, so not trained")
        first, again = (recorder.trial(asked, ending, None) for _ in range(2))
    assert first == again
    (run,) = find_runs(store, sweep=loaded.study_name, trial="0")
    assert run.run_id == first
    assert run.status == "KILLED"
