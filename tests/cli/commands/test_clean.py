"""What takes space is named, goes only when asked for, and never if a run that is unfinished or pending needs it."""

import json
import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from overthink.launching.cleaning import needed_by_unfinished, removable, remove
from overthink.store.client import Store
from overthink.store.trash import files_in, own_folders
from overthink.store.writer import Writer
from support.command import invoke
from support.old_store import unpack
from support.stored_runs import stored


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return the folder of a store with finished runs and an interrupted one; nothing waits to be uploaded."""
    unpack(tmp_path)
    (tmp_path / ".overthink").rename(tmp_path / "state")
    copies = tmp_path / "cache" / "overthink" / "stores"
    copies.mkdir(parents=True)
    (copies / "copy.json").write_bytes(b"x" * 2_000_000)
    return tmp_path


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in (folder / "mlruns").rglob("*") if path.is_file()}


def clean(folder: Path, *arguments: str) -> dict[str, Any]:
    done = invoke(folder, "clean", *arguments, "--json", XDG_CACHE_HOME=str(folder / "cache"))
    assert done.returncode == 0, done.stderr
    return {kind["kind"]: kind for kind in json.loads(done.stdout)["kinds"]}


def test_nothing_goes_unless_asked_for(store: Path) -> None:
    before = files(store)
    done = invoke(store, "clean", "--checkpoints", "--pages", "--cache", XDG_CACHE_HOME=str(store / "cache"))
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "Nothing was deleted; with --yes, 2.1 MB go." in done.stderr
    assert files(store) == before
    found = clean(store)
    assert {name for name in found if found[name]["goes"]} == {"cache", "leftovers"}
    assert (found["cache"]["bytes"], found["checkpoints"]["count"]) == (2_000_000, 9)
    assert (store / "cache/overthink/stores/copy.json").exists()


def test_copies_go_by_default_and_results_stay(store: Path) -> None:
    before = files(store)
    clean(store, "--yes")
    assert not (store / "cache/overthink/stores/copy.json").exists()
    assert files(store) == before


def test_checkpoints_and_pages_go_results_stay(store: Path) -> None:
    before = files(store)
    table = invoke(store, "compare", "--format", "csv").stdout
    clean(store, "--checkpoints", "--pages", "--yes")
    left = files(store)
    assert left == {name for name in before if "/checkpoint/" not in name and not name.endswith(".html")} | {
        name
        for name in before
        if "2307323a" in name or "17a362de" in name  # of the interrupted run and its group
    }
    assert invoke(store, "compare", "--format", "csv").stdout == table


def test_runs_in_the_trash_go_for_good(store: Path) -> None:
    uri = f"sqlite:///{store}/mlflow.db"
    (run_id,) = {path.parent.name for path in store.glob("mlruns/*/b5477bb6*/artifacts")}
    Writer(Store(uri)).delete(run_id)
    assert clean(store, "--deleted")["deleted"]["count"] == 1
    (store / ".overthink" / "journals" / "in-progress").mkdir(parents=True)
    found = clean(store, "--deleted", "--yes")["deleted"]
    assert (found["count"], found["goes"], found["waits"]) == (1, False, True)
    shown = invoke(store, "clean", "--deleted", "--yes")
    assert re.search(r"runs in MLflow's trash +stays: runs in progress +1 ", shown.stdout)
    assert "only copies and pages can go now" in shown.stderr
    assert any(run_id in name for name in files(store))
    shutil.rmtree(store / ".overthink")
    before = {name for name in files(store) if run_id not in name}
    clean(store, "--deleted", "--yes")
    assert files(store) == before
    with closing(sqlite3.connect(store / "mlflow.db")) as database:
        assert not database.execute("SELECT 1 FROM runs WHERE run_uuid = ?", (run_id,)).fetchall()
        assert not database.execute("SELECT 1 FROM metrics WHERE run_uuid = ?", (run_id,)).fetchall()
        assert database.execute("SELECT 1 FROM runs WHERE lifecycle_stage = 'active'").fetchall()


def test_run_folders_go_only_where_the_run_is_finished_since(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERTHINK_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ended_ms = 2_000_000_000_000
    runs = [
        stored("0", started_ms=ended_ms),
        stored("1", "interrupted", started_ms=ended_ms),
        stored("2", started_ms=ended_ms),
        stored("2", "running", started_ms=ended_ms + 1),  # repeated with --force
        stored("3", started_ms=ended_ms),
    ]
    for key in ("g1-0", "g1-1", "g1-2", "g1-3", "unknown"):
        folder = tmp_path / "state" / "runs" / key
        folder.mkdir(parents=True)
        (folder / "checkpoint.safetensors").write_bytes(b"x" * 10)
    os.utime(tmp_path / "state/runs/g1-3/checkpoint.safetensors", (ended_ms, ended_ms))  # written to since
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    found = {one.kind: one for one in removable(uri, runs)}["leftovers"]
    assert [path.name for path in found.paths] == ["g1-0"]
    assert found.bytes == 10
    remove(found, uri)
    assert sorted(path.name for path in (tmp_path / "state/runs").iterdir()) == ["g1-1", "g1-2", "g1-3", "unknown"]
    (tmp_path / "state" / "journals" / "one").mkdir(parents=True)
    (tmp_path / "state" / "runs" / "g1-0").mkdir()
    assert [one.kind for one in removable(uri, runs) if one.paths] == ["leftovers"]
    assert [one.kind for one in removable(uri, runs) if one.waits] == ["leftovers", "checkpoints", "models", "deleted"]


def test_what_unfinished_runs_build_on_is_needed() -> None:
    more = {"overthink.parent_run": "a", "overthink.main_run": "b", "overthink.labelled_by": "c d"}
    assert needed_by_unfinished([stored("0", "interrupted", more=more)]) == {"a", "b", "c", "d"}
    assert needed_by_unfinished([stored("0", more=more)]) == set()


def test_files_of_others_are_none_of_a_run(store: Path) -> None:
    """A database may name any folder, and a folder may hold links."""
    outside = store / "outside"
    (outside / "checkpoint").mkdir(parents=True)
    (outside / "checkpoint" / "precious").write_text("mine")
    run_id, other = sorted(own_folders(store / "mlflow.db"))[:2]
    folder = own_folders(store / "mlflow.db")[other]
    with closing(sqlite3.connect(store / "mlflow.db")) as database, database:
        database.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (str(outside), run_id))
    assert run_id not in own_folders(store / "mlflow.db")
    shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    (folder / "checkpoint").symlink_to(outside / "checkpoint")
    assert list(files_in(folder, "checkpoint/*")) == []
    clean(store, "--checkpoints", "--yes")
    assert (outside / "checkpoint" / "precious").exists()
