"""A sweep that has all its trials is shown without MLflow and torch; whatever is not plainly finished is left."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from overthink.launching.outcomes import Options
from overthink.store import tags
from overthink.store.client import Store
from overthink.sweep import settled
from overthink.sweep.storage import storage_uri
from overthink.sweep.sweeping import sweep
from support.changed_database import changed
from support.command import invoke
from support.engines import ReplayingEngine
from support.small_sweep import RecordingListener, sweep_file, tiny_sweep

QUICK: dict[str, Any] = {"regime": [{"epochs": 1}]}
KILLED = "UPDATE runs SET status = 'KILLED'"
FEW: dict[str, Any] = {"space": {"regime.0.lr": {"float": [0.01, 0.2], "log": True}}, "trials": 2}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    """A folder with a finished sweep; tests that change something put it back."""
    folder = tmp_path_factory.mktemp("swept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
        store = Store(f"sqlite:///{folder}/mlflow.db")
        loaded = tiny_sweep(folder, QUICK, **FEW)
        sweep(loaded, store, storage_uri(), Options(kernels="torch"), RecordingListener(), ReplayingEngine())
    return folder


def is_settled(folder: Path, monkeypatch: pytest.MonkeyPatch, options: Options | None = None, **changes: Any) -> bool:
    monkeypatch.chdir(folder)
    loaded = tiny_sweep(folder, QUICK, **FEW | changes)
    found = settled.settled_sweep(loaded, storage_uri(), options or Options(), f"sqlite:///{folder}/mlflow.db")
    sweep_file(folder, QUICK, **FEW)
    return found is not None


def test_it_answers_without_mlflow_and_torch(swept: Path) -> None:
    code = (
        "import sys\nfrom overthink.cli.main import execute\ncode = execute(['sweep', 'tiny-sweep.yaml'])\n"
        "print(code, [name for name in 'torch mlflow pandas plotly scipy sklearn'.split() if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=swept)
    assert done.stdout.splitlines()[-1] == "0 []"
    assert "2 trials: 2 finished; nothing was trained." in done.stderr


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_it_shows_what_a_call_shows(swept: Path, more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    fast = invoke(swept, "sweep", "tiny-sweep.yaml", *more)
    monkeypatch.setattr(settled, "settled_sweep", lambda *_: None)
    usual = invoke(swept, "sweep", "tiny-sweep.yaml", *more)
    assert (fast.returncode, fast.stdout) == (usual.returncode, usual.stdout)
    assert fast.returncode == 0
    assert fast.stderr.splitlines()[-1] == usual.stderr.splitlines()[-1]
    if more:
        assert json.loads(fast.stdout)["ended_now"] == {}


def test_what_is_not_plainly_finished_is_left_to_a_call(swept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_settled(swept, monkeypatch)
    assert is_settled(swept, monkeypatch, Options(kernels="torch"))
    assert not is_settled(swept, monkeypatch, Options(kernels="native"))
    assert not is_settled(swept, monkeypatch, Options(engine="ray"))
    assert not is_settled(swept, monkeypatch, Options(estimate=True))
    assert not is_settled(swept, monkeypatch, trials=3)
    assert not is_settled(swept, monkeypatch, description="Another description.")
    assert not is_settled(swept, monkeypatch, sampler={"kind": "random", "seed": 1})
    journals = swept / "state" / "journals"
    monkeypatch.setenv("OVERTHINK_STATE", str(journals.parent))
    journals.mkdir(parents=True)
    (journals / "one").mkdir()
    assert not is_settled(swept, monkeypatch)


@pytest.mark.parametrize(
    "database, change",
    [
        ("optuna.db", "UPDATE trials SET state = 'RUNNING' WHERE number = 1"),
        ("optuna.db", "DELETE FROM studies"),
        ("mlflow.db", "UPDATE runs SET status = 'RUNNING' WHERE name LIKE 'sweep %'"),
        ("mlflow.db", f"UPDATE tags SET value = 'interrupted' WHERE key = '{tags.OUTCOME}'; {KILLED}"),
        ("mlflow.db", f"UPDATE tags SET value = '1' WHERE key = '{tags.named('trials_finished')}'"),  # of its page
        ("mlflow.db", "UPDATE runs SET lifecycle_stage = 'deleted' WHERE name LIKE 'sweep %'"),
        ("mlflow.db", f"DELETE FROM experiment_tags WHERE key = '{tags.VIEWS}'"),
        ("mlflow.db", "DROP TABLE latest_metrics"),
    ],
)
def test_files_that_are_not_in_order_are_left_to_a_call(
    swept: Path, database: str, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with changed(swept / database, change):
        assert not is_settled(swept, monkeypatch)
