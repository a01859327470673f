"""An old store, unpacked once a module, or once a session and copied for each test that damages it."""

import shutil
from pathlib import Path

import pytest

from support.hostile import Damaged
from support.old_store import unpack


@pytest.fixture(scope="module")
def old_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a store with runs of several definitions; nothing of it waits to be uploaded."""
    folder = tmp_path_factory.mktemp("store")
    unpack(folder)
    (folder / ".overthink").rename(folder / "state")
    return folder


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    Damaged.unpacked(folder)
    return folder


@pytest.fixture
def damaged(unpacked: Path, tmp_path: Path) -> Damaged:
    return Damaged(Path(shutil.copytree(unpacked, tmp_path / "store")))
