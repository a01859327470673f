"""Eight processes log runs at once; the benchmark of the same name measures how long that takes."""

import signal
from pathlib import Path

import pytest
from benchmarks.load import PROCESSES, RUNS, loaded

from overthink.store.client import Store
from support.mlflow_server import Served
from support.postgres import Postgres, postgres_programs


@pytest.mark.timeout(600)
def test_to_a_server_on_postgresql(tmp_path: Path) -> None:
    if postgres_programs() is None:
        pytest.skip("no PostgreSQL on this machine (.ci/run installs it)")
    with Postgres() as postgres:
        server = Served(tmp_path / "server", postgres.database("mlflow"))
        server.start()
        try:
            summary = loaded(server.uri, tmp_path / "load")
        finally:
            server.kill(signal.SIGTERM)
    assert f"{PROCESSES} processes, {PROCESSES * RUNS} runs" in summary
    assert summary.endswith("lost 0, duplicated 0")


@pytest.mark.timeout(600)
def test_to_a_file(tmp_path: Path, empty_database: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    Store(uri)
    summary = loaded(uri, tmp_path / "load")
    assert f"{PROCESSES} processes, {PROCESSES * RUNS} runs" in summary
    assert summary.endswith("lost 0, duplicated 0")
