"""A store to be damaged: unpacked once a session, copied for each test."""

import shutil
from pathlib import Path

import pytest

from support.hostile import Damaged


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    Damaged.unpacked(folder)
    return folder


@pytest.fixture
def damaged(unpacked: Path, tmp_path: Path) -> Damaged:
    return Damaged(Path(shutil.copytree(unpacked, tmp_path / "store")))
