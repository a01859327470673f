"""What commands read of an SQLite store is read without MLflow, and says the same as by MLflow."""

import subprocess
import sys
from pathlib import Path

import pytest

from overthink.store import tags
from overthink.store.all_runs import all_runs
from overthink.store.client import Store
from overthink.store.errors import MissingArtifactError
from overthink.store.local_store import LocalStore, store_to_read
from overthink.store.readable_store import ReadableStore
from overthink.store.unreadable import UnreadableRunError
from support.launches import launch_inline
from support.small import small

PROGRAM = """
import sys
from overthink.cli.main import main
try:
    main()
finally:
    print(*(name for name in ("mlflow", "torch") if name in sys.modules), file=sys.stderr)
"""


def trained(store: Store, folder: Path) -> str:
    launch_inline(store, [small(folder, regime=[{"epochs": 1}], seeds=1)])
    (run,) = [one for one in all_runs(store) if one.kind == tags.KIND_RUN]
    return run.run_id


def test_the_same_as_by_mlflow(store: Store, tmp_path: Path) -> None:
    run_id = trained(store, tmp_path)
    local = store_to_read(store.uri)
    assert isinstance(local, LocalStore)
    assert [run.run_id for run in all_runs(local)] == [run.run_id for run in all_runs(store)]
    assert local.text(run_id, tags.DEFINITION_FILE) == store.text(run_id, tags.DEFINITION_FILE)
    one, other = (of.predictions(run_id, "test") for of in (local, store))
    assert (one.correct_EN == other.correct_EN).all()
    wrong: list[ReadableStore] = [local, store]
    said = []
    for of in wrong:
        with pytest.raises(MissingArtifactError) as missing:
            of.text(run_id, "nothing.json")
        with pytest.raises(UnreadableRunError) as folder:
            of.text(run_id, "predictions")
        with pytest.raises(MissingArtifactError) as unfinished:
            of.course(run_id)
        said.append([str(one.value) for one in (missing, folder, unfinished)])
    assert said[0] == said[1]


def test_links_out_of_a_run_are_not_followed(store: Store, tmp_path: Path) -> None:
    run_id = trained(store, tmp_path)
    (tmp_path / "secret.json").write_text("{}")
    folder = store.artifact_folder(run_id)
    assert folder is not None
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(UnreadableRunError, match=r"link\.json: it is a link that leads out of the run's folder"):
        store_to_read(store.uri).text(run_id, "link.json")


def test_a_database_that_is_missing_is_a_store_without_runs_and_not_made(tmp_path: Path) -> None:
    missing = store_to_read(f"sqlite:///{tmp_path}/new.db")
    assert isinstance(missing, LocalStore)
    assert (all_runs(missing), missing.tagged({"a": "b"}), missing.experiment_tags("")) == ([], [], [])
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_sqlite_store_of_mlflow_is_opened_by_mlflow(tmp_path: Path) -> None:
    (tmp_path / "new.db").touch()
    assert isinstance(store_to_read(f"sqlite:///{tmp_path}/new.db"), Store)
    assert isinstance(store_to_read(f"sqlite:///{tmp_path}/new.db"), LocalStore)


@pytest.mark.process
def test_budgets_and_figures_need_neither_mlflow_nor_torch(store: Store, tmp_path: Path) -> None:
    run_id = trained(store, tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)
    for arguments in (["budget", run_id, "--mul-adds", "1e6"], ["figure", "accuracy", run_id, "-o", "figure.csv.pdf"]):
        done = subprocess.run(
            [sys.executable, "program.py", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.splitlines()[-1] == "", done.stderr
