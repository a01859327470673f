"""What is all finished is told without MLflow and torch, and in the same words; whatever is not is left to a launch."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from overthink.definition.loading import load_experiment
from overthink.launching import settled
from overthink.launching.outcomes import Options
from overthink.outbox.journal_folder import lock_of
from overthink.store import tags
from overthink.store.claims import PREFIX, Claims
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.writer import Writer
from support.changed_database import changed
from support.command import invoke
from support.launches import launch_inline
from support.policy_file import policy_file
from support.small import definition, small

QUICK: dict[str, Any] = {
    "regime": [{"epochs": 1}],
    "seeds": 2,
    "variants": {"narrow": {}, "wide": {"network.growth": 4}},
}
DATABASE = "mlflow.db"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    """A folder with a finished small experiment; tests that change something put it back."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / DATABASE).write_bytes(empty_database.read_bytes())
        launch_inline(Store(f"sqlite:///{folder / DATABASE}"), [small(folder, **QUICK)])
    return folder


def is_settled(folder: Path, options: Options | None = None, **changes: Any) -> bool:
    loaded = small(folder, **{**QUICK, **changes})
    definition(folder, **QUICK)
    return settled.settled([loaded], options or Options(), f"sqlite:///{folder / DATABASE}") is not None


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_it_answers_without_mlflow_and_torch(trained: Path, more: tuple[str, ...]) -> None:
    code = (
        "import sys\nfrom overthink.cli.main import execute\n"
        f"code = execute({['run', 'small.yaml', *more]!r})\n"
        "print(code, [name for name in 'torch mlflow pandas plotly scipy sklearn'.split() if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=trained)
    assert done.stdout.splitlines()[-1] == "0 []"
    said = "Nothing was done" if more else "All 4 runs were already finished; nothing was trained."
    assert said in done.stderr


@pytest.mark.parametrize("more", [(), ("--json",), ("--dry-run",), ("--dry-run", "--json")])
def test_it_says_what_a_launch_says(trained: Path, more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    fast = invoke(trained, "run", "small.yaml", *more)
    monkeypatch.setattr(settled, "settled", lambda *_: None)
    usual = invoke(trained, "run", "small.yaml", *more)
    assert (fast.returncode, fast.stdout, fast.stderr) == (usual.returncode, usual.stdout, usual.stderr)
    assert fast.returncode == 0
    if more == ("--json",):
        assert len(json.loads(fast.stdout)["rows"]) == 2


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_device_is_not_looked_for_where_nothing_is_to_be_trained(trained: Path, more: tuple[str, ...]) -> None:
    done = invoke(trained, "run", "small.yaml", "--device", "cuda:7", *more)
    assert done.returncode == 0, done.stderr
    assert "--device cuda:7 is not looked for: there is nothing to train." in done.stderr
    new = invoke(trained, "run", "small.yaml", "--device", "cuda:7", "--seeds", "9", "--dry-run")
    assert "Cannot be trained here yet: --device cuda:7: this machine has" in new.stderr


def test_what_is_not_plainly_finished_is_left_to_a_launch(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_settled(trained)
    assert not is_settled(trained, Options(force=True))
    assert not is_settled(trained, Options(kernels="native"))
    assert not is_settled(trained, seeds=3)
    assert not is_settled(trained, seeds=[1], name="other")
    assert not is_settled(trained, description="Another description.")
    journals = trained / "state" / "journals"
    monkeypatch.setenv("OVERTHINK_STATE", str(journals.parent))
    journals.mkdir(parents=True)
    assert is_settled(trained)
    (journals / "one").mkdir()
    assert not is_settled(trained)


@pytest.mark.parametrize(
    "change",
    [
        f"UPDATE tags SET value = 'interrupted' WHERE key = '{tags.OUTCOME}'; UPDATE runs SET status = 'KILLED'",
        "UPDATE runs SET status = 'RUNNING' WHERE name LIKE 'wide%'",
        "UPDATE runs SET lifecycle_stage = 'deleted' WHERE name LIKE 'seed 1 · wide%'",
        f"DELETE FROM experiment_tags WHERE key = '{tags.VIEWS}'",
        "DROP TABLE latest_metrics",
        "UPDATE experiments SET lifecycle_stage = 'deleted'",
    ],
)
def test_a_store_that_is_not_in_order_is_left_to_a_launch(trained: Path, change: str) -> None:
    with changed(trained / DATABASE, change):
        assert not is_settled(trained)


def test_what_other_processes_train_keeps_nothing_back(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, key = (trained / DATABASE).read_bytes(), small(trained, **QUICK).groups[0].runs[0].key
    monkeypatch.setenv("OVERTHINK_STATE", str(trained / "other-state"))
    (journal := trained / "other-state" / "journals" / "one").mkdir(parents=True)
    try:
        store = Store(f"sqlite:///{trained / DATABASE}")
        others, lock = Claims(store), lock_of(journal)
        experiment = store.experiment("others", "A note.")
        Writer(store).create(experiment, "other", {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: "other"}, {})
        others.claim(experiment, ["another"])
        with lock.acquire():
            assert is_settled(trained)
        assert not is_settled(trained), "a journal that no process uses is to be uploaded"
        shutil.rmtree(journal.parent)
        assert is_settled(trained)
        others.claim(experiment, [key])
        assert not is_settled(trained), "its own run is about to be trained again"
        others.close()
        left = {tags.HOST: "elsewhere", tags.PROCESS: "1@1", tags.HEARTBEAT: "1000000000"}
        text = json.dumps({**left, "confirmed": True, "keys": ["another"]})
        store.tag_experiment(experiment, f"{PREFIX}a", text)
        assert not is_settled(trained), "a claim of a process that is gone is to be removed"
    finally:
        (trained / DATABASE).write_bytes(before)


def test_policy_networks_are_as_finished_as_their_main_networks(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = policy_file(tmp_path)
    launch_inline(store, [load_experiment(path)])
    told: list[bool] = []

    def remembering(*given: Any) -> settled.Settled | None:
        told.append((found := whole(*given)) is not None)
        return found

    whole = settled.settled
    monkeypatch.setattr(settled, "settled", remembering)
    fast = invoke(tmp_path, "run", "policy.yaml")
    monkeypatch.setattr(settled, "settled", lambda *_: None)
    usual = invoke(tmp_path, "run", "policy.yaml")
    assert told == [True]
    assert (fast.returncode, fast.stdout, fast.stderr) == (usual.returncode, usual.stdout, usual.stderr)
    main = find_runs(store, kind=tags.KIND_RUN, definition="small")[0]
    store.client.delete_run(main.run_id)
    assert whole([load_experiment(path)], Options(), store.uri) is None
