from pathlib import Path

import pytest

from overthink.store.client import Store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> Store:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow.db").write_bytes(empty_database.read_bytes())
    return Store(f"sqlite:///{tmp_path}/mlflow.db")
