"""Eight processes log runs at once; the benchmark of the same name measures how long that takes."""

from pathlib import Path

import pytest
from benchmarks.load import PROCESSES, RUNS, loaded, served

from overthink.store.client import Store
from support.postgres import Postgres


@pytest.mark.server
@pytest.mark.timeout(600)
def test_to_a_server_on_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    summary = served(tmp_path / "load", postgres.database("mlflow"))
    assert f"{PROCESSES} processes, {PROCESSES * RUNS} runs" in summary
    assert summary.endswith("lost 0, duplicated 0")


@pytest.mark.process
@pytest.mark.timeout(600)
def test_to_a_file(tmp_path: Path, empty_database: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    Store(uri)
    summary = loaded(uri, tmp_path / "load")
    assert f"{PROCESSES} processes, {PROCESSES * RUNS} runs" in summary
    assert summary.endswith("lost 0, duplicated 0")
