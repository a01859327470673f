"""Links between trials in optuna-dashboard and their runs in MLflow."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from optuna.storages import RDBStorage
from optuna.study import Study

from overthink.launching.outcomes import Options
from overthink.report.notes import with_links_of, with_trial_link
from overthink.settings import check_settings
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.stored import StoredRun
from overthink.store.writer import Writer
from overthink.sweep.ask_tell import running_trial
from overthink.sweep.dashboard import link_all
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.storage import opened, storage_uri
from overthink.sweep.study import existing
from overthink.sweep.sweeping import sweep
from support.engines import ReplayingEngine
from support.small_sweep import RecordingListener, tiny_sweep

optuna_dashboard = pytest.importorskip("optuna_dashboard")


@contextmanager
def opened_study(loaded: LoadedSweep) -> Iterator[tuple[Study, RDBStorage]]:
    with opened(storage_uri()) as storage:
        study = existing(storage, loaded)
        assert study is not None
        yield study, storage


def notes(loaded: LoadedSweep) -> list[str]:
    """Return the notes of all trials, as optuna-dashboard itself reads them."""
    with opened_study(loaded) as (study, storage):
        trials = [running_trial(study, storage, one.number) for one in study.trials]
        return [optuna_dashboard.get_note(one) for one in trials]


def swept(store: Store, folder: Path) -> tuple[LoadedSweep, list[StoredRun]]:
    loaded = tiny_sweep(folder, trials=2)
    sweep(loaded, store, storage_uri(), Options(), RecordingListener(), ReplayingEngine())
    return loaded, sorted(find_runs(store, kind=tags.KIND_GROUP), key=lambda run: run.trial or 0)


def test_trials_and_runs_link_to_each_other(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERTHINK_UI_URL", "https://runs.example.org/")
    monkeypatch.setenv("OVERTHINK_DASHBOARD_URL", "https://runs.example.org/dashboard")
    loaded, groups = swept(store, tmp_path)
    for number, (note, group) in enumerate(zip(notes(loaded), groups, strict=True)):
        place = f"experiments/{group.experiment_id}/runs/{group.run_id}"
        assert f"](https://runs.example.org/#/{place}?workflowType=machine_learning)" in note
        trial = f"(https://runs.example.org/dashboard/studies/1/trials?numbers={number})"
        assert group.note.endswith(f"[This trial in optuna-dashboard]{trial}")
        assert group.note.startswith("| on test data")


def test_no_link_where_no_address_is_known_and_both_with_the_dashboard(store: Store, tmp_path: Path) -> None:
    loaded, groups = swept(store, tmp_path)
    assert all("](" not in note and group.run_id in note for note, group in zip(notes(loaded), groups, strict=True))
    assert all("optuna-dashboard" not in group.note for group in groups)
    with opened_study(loaded) as (study, storage):
        optuna_dashboard.save_note(running_trial(study, storage, 1), "Odd: look again.")
    for port in (8080, 8081):
        link_all(storage_uri(), store, Writer(store), "http://here:5000", f"http://here:{port}/dashboard")
    first, second = notes(loaded)
    assert "(http://here:5000/#/experiments/" in first
    assert second == "Odd: look again."
    for group in find_runs(store, kind=tags.KIND_GROUP):
        assert (
            group.note.count("optuna-dashboard") == group.note.count(":8081/dashboard/studies/1/trials?numbers=") == 1
        )


def test_a_new_description_keeps_the_link() -> None:
    linked = with_trial_link("Old.", "http://a/1")
    assert with_links_of(linked, "New.") == "New.\n\n[This trial in optuna-dashboard](http://a/1)"
    assert with_trial_link(linked, "http://b/1") == "Old.\n\n[This trial in optuna-dashboard](http://b/1)"
    assert with_links_of("Old.", "New.") == "New."
    both = f"{linked}\n\nMore pages: [report](#/a)."
    assert with_links_of(both, "New.") == (
        "New.\n\n[This trial in optuna-dashboard](http://a/1)\n\nMore pages: [report](#/a)."
    )
    assert with_trial_link("", "http://a/1") == "[This trial in optuna-dashboard](http://a/1)"


@pytest.mark.parametrize("name", ["OVERTHINK_UI_URL", "OVERTHINK_DASHBOARD_URL"])
def test_what_is_no_address_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "here) [x](")
    with pytest.raises(ValueError, match=rf"{name}=here.*: expected an address, such as https://"):
        check_settings(tmp_path)
