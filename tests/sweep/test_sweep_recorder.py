"""A sweep and its trials are in the store once, whoever begins or reports them twice."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.writer import Writer
from overthink.sweep import sweeping
from overthink.sweep.ask_tell import AskTell, Ending
from overthink.sweep.page import sweep_page
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


def test_a_trial_that_another_machine_ends_while_the_page_is_drawn_is_on_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both machines end the sweep, and the one with fewer trials wrote its page last."""
    loaded, drawn = tiny_sweep(tmp_path), sweep_page
    recorder = SweepRecorder.open(store, Writer(store), loaded)
    with opened(storage_uri()) as storage:
        study = AskTell(loaded, storage, alone=True)
        asked = study.next()
        assert asked is not None
        left = [asked]

        def drawn_meanwhile(*given: Any) -> str:
            page = drawn(*given)
            if left:
                study.tell(left.pop(), Ending(tags.FAILED, "its disk was full"), "")
            return page

        monkeypatch.setattr(sweeping, "sweep_page", drawn_meanwhile)
        found = sweeping._shown(loaded, study, recorder)
    assert found.counts == {tags.FAILED: 1}
    shown = store.client.get_run(recorder.run_id).data.tags
    assert shown[tags.named(f"trials_{tags.FAILED}")] == "1"
    assert "its disk was full" in store.text(recorder.run_id, tags.FIGURES_PAGE)


def test_a_process_that_is_killed_before_it_wrote_the_sweep_leaves_that_to_the_next(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = tiny_sweep(tmp_path)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "text", killed)
        with pytest.raises(KeyboardInterrupt):
            SweepRecorder.open(store, Writer(store), loaded)
    run_id = SweepRecorder.open(store, Writer(store), loaded).run_id
    assert store.text(run_id, DEFINITION_FILE)
    assert store.client.get_run(run_id).data.params["sampler"] == "random"
