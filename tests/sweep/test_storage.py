"""What is wrong with a storage of trials, in one sentence; what is wrong elsewhere is not blamed on it."""

from pathlib import Path

import pytest

from overthink.sweep import storage as module
from overthink.sweep.storage import TrialStoreError, opened


@pytest.mark.parametrize(
    "error, said",
    [
        (RuntimeError("The runtime optuna version 4.9 is no longer compatible\nwith the schema"), "The runtime optuna"),
        (RuntimeError(""), "RuntimeError"),
        (ImportError("No module named 'psycopg2'"), "No module named 'psycopg2'"),
    ],
)
def test_a_storage_that_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(module, "RDBStorage", fail)
    with pytest.raises(TrialStoreError) as raised, opened(f"sqlite:///{tmp_path}/optuna.db"):
        pass
    assert str(raised.value).startswith(f"storage sqlite:///{tmp_path}/optuna.db: {said}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("error", [ImportError("No module named 'cmaes'"), RuntimeError("a kernel's")])
def test_what_a_sweep_lacks_is_no_fault_of_its_storage(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)), opened(f"sqlite:///{tmp_path}/optuna.db"):
        raise error
