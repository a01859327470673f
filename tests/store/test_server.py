"""The same work against a real MLflow server instead of a file."""

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from overthink.cli.commands.ui import command, environment
from overthink.comparison.overthinking import overthinking_rows
from overthink.comparison.stored_runs import stored_runs
from overthink.launching.outcomes import Options
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.reader import find_runs
from support.launches import Quiet, launch_inline
from support.ports import free_port
from support.small import small


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> Iterator[str]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "served.db").write_bytes(empty_database.read_bytes())
    port = free_port()
    arguments = [*command(port), "--serve-artifacts"]
    arguments += ["--artifacts-destination", str(tmp_path / "served")]
    uri = f"sqlite:///{tmp_path}/served.db"
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(arguments, env=environment(uri), stderr=log, stdout=log, start_new_session=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            break
        time.sleep(0.3)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    yield f"http://127.0.0.1:{port}"
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(timeout=30)


def test_a_launch_against_a_server(server: str, tmp_path: Path) -> None:
    store = Store()
    assert store.uri == server
    experiment = small(tmp_path, seeds=1, regime=[{"epochs": 1}])
    assert launch_inline(store, [experiment], Options(), Quiet()).complete
    (run,) = find_runs(store, kind=tags.KIND_RUN)
    predictions = store.predictions(run.run_id, "test")
    assert run.metrics["test/accuracy/last"] == pytest.approx(predictions.correct_EN[-1].mean())
    (row,) = overthinking_rows(stored_runs())
    assert row.run_ids == (run.run_id,)
    assert overthinking_rows(stored_runs()) == [row]  # from the cache
    again = launch_inline(store, [experiment], Options(), Quiet())
    assert {outcome: len(runs) for outcome, runs in again.runs.items()} == {"done": 1}
