"""Databases that do not answer."""

import logging
import socket
import time

import pytest
import sqlalchemy.exc

from overthink.store import reachable
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.problems import reason
from overthink.sweep.storage import TrialStoreError, opened


def test_a_refused_connection_is_said_at_once_without_the_password() -> None:
    started = time.monotonic()
    with pytest.raises(StoreError) as raised:
        Store("postgresql+psycopg://ann:secret@127.0.0.1:9/runs")
    assert time.monotonic() - started < 8
    assert str(raised.value).startswith("store postgresql+psycopg://ann:***@127.0.0.1:9/runs: ")
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_one_that_never_answers_is_given_up(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachable, "SILENT_SECONDS", 0.05)
    monkeypatch.setattr(reachable, "LONGEST_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent, caplog.at_level(logging.WARNING):
        port = silent.getsockname()[1]
        with pytest.raises(StoreError, match=r"ann:\*\*\*@127.0.0.1:\d+/runs: no answer within"):
            Store(f"postgresql+psycopg://ann:secret@127.0.0.1:{port}/runs")
    assert f"connecting to postgresql+psycopg://ann:***@127.0.0.1:{port}/runs ..." in caplog.text
    assert "secret" not in caplog.text


def test_a_slow_server_is_waited_for_not_in_silence(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reachable, "SILENT_SECONDS", 0.05)
    for name, value in (("TIMEOUT", "1"), ("MAX_RETRIES", "0")):
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", value)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(StoreError, match=rf"store http://ann:\*\*\*@127.0.0.1:{port}: "):
            Store(f"http://ann:secret@127.0.0.1:{port}")
    assert f"connecting to http://ann:***@127.0.0.1:{port} ..." in caplog.text


def test_so_is_the_storage_of_trials() -> None:
    with (
        pytest.raises(TrialStoreError, match=r"^storage postgresql\+psycopg://ann:\*\*\*@127.0.0.1:9/trials: "),
        opened("postgresql+psycopg://ann:secret@127.0.0.1:9/trials"),
    ):
        pass


def test_an_error_without_a_text_has_a_name() -> None:
    error = sqlalchemy.exc.OperationalError("SELECT 1", {}, Exception(""))
    assert reason(error).startswith("(builtins.Exception)")
    assert reason(ValueError("")) == "ValueError"
