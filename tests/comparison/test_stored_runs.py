"""The quick ways to a store's runs give what MLflow itself gives."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from overthink.comparison import stored_runs
from overthink.comparison.frame import frame_of
from overthink.store import sqlite_reader, tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.raw_run import RawRun
from overthink.store.stored import StoredRun
from overthink.store.writer import Writer
from support.stored_runs import raw


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mlflow.db"
    path.write_bytes(empty_database.read_bytes())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
    return path


def make(store: Store, seed: str, outcome: str | None = tags.FINISHED) -> str:
    writer = Writer(store)
    run_tags = {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: f"k{seed}", tags.SEEDS: seed}
    run_id = writer.create(store.experiment("e", "note"), f"run {seed}", run_tags, {"p": "1"})
    writer.dataset(run_id, "digits", 64 * seed, {"kind": "digits"})
    writer.dataset(run_id, "digits", 64 * seed, {"kind": "digits"})  # taken up again
    writer.log(run_id, {"test/accuracy/last": 0.1}, step=1)
    writer.log(run_id, {"test/accuracy/last": 0.1 + 0.2}, step=2)
    if outcome:
        writer.close(run_id, outcome)
    return run_id


def through_mlflow(store: Store) -> list[StoredRun]:
    return [run for run in store.search("") if run.kind]


def raw_through_mlflow(store: Store) -> dict[str, RawRun]:
    return {run.run_id: run for run in store.search_raw("") if run.kind}


def by_id(runs: list[StoredRun]) -> dict[str, StoredRun]:
    return {run.run_id: run for run in runs}


def test_reading_sqlite_directly_gives_what_mlflow_gives(database: Path) -> None:
    store = Store()
    ids = [make(store, "0"), make(store, "1", tags.DIVERGED), make(store, "2", None), make(store, "3")]
    store.client.delete_run(ids[3])
    store.client.create_run(store.experiment("e", "note"), tags={"somebody": "else"})
    direct = sqlite_reader.read(database)
    assert direct is not None
    assert by_id(direct) == by_id(through_mlflow(store))
    assert set(by_id(direct)) == set(ids[:3])
    assert by_id(direct)[ids[0]].metrics == {"test/accuracy/last": 0.1 + 0.2}
    assert [by_id(direct)[run_id].data for run_id in ids[:3]] == [36 * "0", 36 * "1", 36 * "2"]
    assert sqlite_reader.read(database, ["test/accuracy/last"]) == direct
    assert {len(run.metrics) for run in sqlite_reader.read(database, ["other"]) or []} == {0}


def test_runs_found_by_their_tags_are_those_that_mlflow_finds(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    ids = [make(store, "0"), make(store, "1", None), make(store, "2"), make(store, "1")]
    store.client.delete_run(ids[2])
    store.client.create_run(store.experiment("e", "note"), tags={tags.RUN_KEY: "k1"})
    asked: tuple[dict[str, str], ...] = (
        {"kind": tags.KIND_RUN},
        {"kind": tags.KIND_RUN, "run_key": "k1"},
        {"run_key": "k1"},
        {"run_key": "k2"},
        {"run_key": "K1"},
        {},
    )
    direct = [find_runs(store, **wanted) for wanted in asked]
    monkeypatch.setattr(sqlite_reader, "tagged", lambda path, wanted: None)
    assert [by_id(runs) for runs in direct] == [by_id(find_runs(store, **wanted)) for wanted in asked]
    assert [len(runs) for runs in direct] == [3, 2, 3, 0, 0, 4]
    assert [run.started_ms for run in direct[0]] == sorted((run.started_ms for run in direct[0]), reverse=True)
    with pytest.raises(ValueError, match="cannot be searched for"):
        find_runs(store, run_key="'")


def test_a_database_laid_out_otherwise_is_left_to_mlflow(tmp_path: Path, database: Path) -> None:
    (tmp_path / "noise.db").write_bytes(b"noise" * 1000)
    assert sqlite_reader.tagged(tmp_path / "noise.db", {}) is None
    assert sqlite_reader.read(tmp_path / "noise.db") is None
    assert sqlite_reader.read(tmp_path / "absent.db") is None
    assert not (tmp_path / "absent.db").exists()


@pytest.mark.parametrize("way", ["read", "tagged"])
def test_a_run_that_is_made_while_the_store_is_read(database: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """As `overthink report` beside `overthink run` reads it: all of it is of one moment."""
    make(store := Store(), "0")
    experiment, opened = int(store.experiment("e", "note")), sqlite_reader.opened

    def make_another(statement: str) -> None:
        if " FROM tags WHERE run_uuid IN" in statement:
            with closing(sqlite3.connect(database, timeout=0)) as other, suppress(sqlite3.OperationalError), other:
                row = f"'late', 'late', 'RUNNING', 1, 'active', {experiment}"
                columns = "run_uuid, name, status, start_time, lifecycle_stage, experiment_id"
                other.execute(f"INSERT INTO runs ({columns}) VALUES ({row})")
                of_run = {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: "k0"}
                rows = [("late", key, value) for key, value in of_run.items()]
                other.executemany("INSERT INTO tags (run_uuid, key, value) VALUES (?, ?, ?)", rows)

    def watched(path: Path) -> sqlite3.Connection:
        connection = opened(path)
        connection.set_trace_callback(make_another)
        return connection

    monkeypatch.setattr(sqlite_reader, "opened", watched)
    reading: dict[str, Callable[[], Sequence[StoredRun] | None]] = {
        "read": lambda: sqlite_reader.read(database),
        "tagged": lambda: find_runs(store, run_key="k0"),
    }
    found = reading[way]()
    assert found is not None
    assert [run.run_key for run in found] == ["k0"]


def test_a_run_that_ends_while_a_server_is_asked_is_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    known = raw("0", started_ms=10**12)
    before, after = (raw("1", outcome, started_ms=10**12) for outcome in (tags.RUNNING, tags.FINISHED))
    asked: list[str] = []

    def search_raw(conditions: str) -> list[RawRun]:
        now = after if asked else before  # it ends after the first answer
        asked.append(conditions)
        if "end_time" in conditions:
            return [run for run in (known, now) if run.status == "FINISHED"]
        return [now] if "status" in conditions and now.status != "FINISHED" else []

    monkeypatch.setattr("overthink.store.reader.deleted_run_ids", lambda _: set())
    store: Any = SimpleNamespace(experiment_names=lambda: {"1": "e"}, search_raw=search_raw)
    assert stored_runs._news(store, {known.run_id: known}) == {known.run_id: known, after.run_id: after}


def test_a_server_is_asked_for_news_alone(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is finished comes from the file, what changed from the store, and what was deleted is gone."""
    store = Store()
    monkeypatch.setattr(sqlite_reader, "read", lambda path, metrics, params: None)
    monkeypatch.setattr(stored_runs, "OVERLAP_MS", -10_000_000_000)  # nothing finished is asked for a second time
    old, going, doomed = make(store, "0"), make(store, "1", None), make(store, "2")
    first = stored_runs.stored_runs()
    assert by_id(first) == by_id(through_mlflow(store))
    store.client.set_tag(old, tags.MESSAGE, "asked again")
    store.client.delete_run(doomed)
    Writer(store).log(going, run_tags={tags.MESSAGE: "new"})
    second = by_id(stored_runs.stored_runs())
    assert set(second) == {old, going}
    assert second[old].message == ""
    assert second[going].message == "new"
    assert by_id(stored_runs.stored_runs(refresh=True))[old].message == "asked again"


def test_runs_of_wrong_clocks_and_of_late_uploads(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uploaded hours after they ended, or after one that ended in the future, or replaced when they were known."""
    store, writer, now = Store(), Writer(Store()), int(time.time() * 1000)
    monkeypatch.setattr(sqlite_reader, "read", lambda path, metrics, params: None)
    group = {tags.GROUP_KEY: "a" * 32}
    group_id = writer.create(store.experiment("e", "note"), "group", {tags.KIND: tags.KIND_GROUP, **group}, {})
    writer.close(group_id, tags.FINISHED)
    stored_runs.stored_runs()
    known = []
    for hours in (-9, 30, -8):
        known.append(make(store, "0", None))
        writer.log(known[-1], run_tags=group)
        writer.close(known[-1], tags.FINISHED, ended_ms=now + hours * 3_600_000)
        writer.resume(group_id)
        writer.close(group_id, tags.FINISHED, ended_ms=now - 9 * 3_600_000 + len(known))
        assert set(by_id(stored_runs.stored_runs())) == {group_id, *known}
    alone = make(store, "1")
    writer.log(known[0], run_tags={tags.REPLACED_BY: known[1]})
    writer.resume(group_id)
    found = by_id(stored_runs.stored_runs())
    assert alone in found
    assert found[known[0]].replaced_by == known[1]


def test_a_cache_of_another_database_or_of_a_deleted_experiment_is_not_believed(
    database: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path
) -> None:
    monkeypatch.setattr(sqlite_reader, "read", lambda path, metrics, params: None)
    store = Store()
    make(store, "0")
    assert len(stored_runs.stored_runs()) == 1
    store.client.delete_experiment(store.experiment("e", "note"))
    assert stored_runs.stored_runs() == []
    other = empty_database.parent / f"{database.parent.name}.db"
    other.write_bytes(empty_database.read_bytes())
    elsewhere = Store(f"sqlite:///{other}")
    new = make(elsewhere, "7")
    assert stored_runs._news(elsewhere, raw_through_mlflow(elsewhere)) == raw_through_mlflow(elsewhere)
    known = raw("5", started_ms=int(time.time() * 1000))
    assert stored_runs._news(elsewhere, {known.run_id: known}) is None
    assert new in stored_runs._everything(elsewhere)


def test_a_run_whose_process_is_gone_reads_as_interrupted(database: Path) -> None:
    store = Store()
    run_id = make(store, "0", None)
    assert [run.outcome for run in stored_runs.stored_runs()] == [tags.RUNNING]
    store.client.set_tag(run_id, tags.PROCESS, "4194999@1.0")
    assert [run.outcome for run in stored_runs.stored_runs()] == [tags.INTERRUPTED]


def test_a_damaged_cache_is_ignored(database: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = Store()
    monkeypatch.setattr(sqlite_reader, "read", lambda path, metrics, params: None)
    make(store, "0")
    before = stored_runs.stored_runs()
    (cache,) = (tmp_path / "cache").rglob("*.json")
    for damage in ("", "[]", '{"format": 4, "runs": [{"run_id": 1}]}', '{"format": 4, "runs": 7}'):
        cache.write_text(damage)
        assert stored_runs.stored_runs() == before


def test_a_frame_has_a_row_a_run_and_a_column_a_metric(database: Path) -> None:
    store = Store()
    make(store, "0")
    make(store, "1", tags.DIVERGED)
    frame = frame_of(stored_runs.stored_runs())
    assert list(frame["outcome"]) == [tags.DIVERGED, tags.FINISHED]
    assert frame["test/accuracy/last"].mean() == pytest.approx(0.3)
    assert list(frame_of([]).columns[:3]) == ["group", "definition", "variant"]
