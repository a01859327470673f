"""The servers that `overthink ui` starts: asked without a proxy, and ended whatever they do."""

import subprocess
import sys
from pathlib import Path

import pytest

from overthink.cli.commands import ui
from support.file_server import serving

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


def test_a_server_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui, "STOP_SECONDS", 0.1)
    with subprocess.Popen([sys.executable, "-c", DEAF], start_new_session=True, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline()
        ui._stop(server)
        assert server.wait(timeout=10) == -9


def test_no_proxy_is_asked_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setattr(ui, "START_SECONDS", 1)
    (tmp_path / "health").write_text("OK")
    with serving(tmp_path) as url, subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as server:
        assert ui._answers(server, int(url.rpartition(":")[2]))
        server.kill()
