"""Where workers print."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from overthink.launching import engines
from overthink.launching.engines import KEPT_SECONDS
from overthink.store.uri import state_folder

NOBODY = 4194999
"""A number that no process has."""


def test_launches_in_one_directory_have_logs_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, the second emptied those of the first, whose workers' last words were lost."""
    monkeypatch.chdir(tmp_path)
    assert engines._log_folder() != engines._log_folder()


def test_logs_of_launches_that_ended_long_ago_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def made(name: str, old: bool, make: Callable[[Path], object]) -> Path:
        path = state_folder() / "workers" / name
        make(path)
        os.utime(path, (0, path.stat().st_mtime - (2 * KEPT_SECONDS if old else 0)))
        return path

    gone = made(f"{NOBODY}-a", True, lambda path: path.mkdir(parents=True))
    (gone / "worker-0.log").touch()
    os.utime(gone, (0, 0))
    alive = made(f"{os.getpid()}-a", True, Path.mkdir)
    recent = made(f"{NOBODY}-b", False, Path.mkdir)
    of_an_earlier_version = made("worker-0.log", True, Path.touch)
    engines._log_folder()
    assert [path.exists() for path in (gone, alive, recent, of_an_earlier_version)] == [False, True, True, True]
