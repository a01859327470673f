"""A store of commit cabcc80 is readable: its runs are found by their keys, compared, reported, resumed, delivered."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import overthink
from overthink.cli.commands.compare import compare
from overthink.cli.commands.report import report
from overthink.cli.commands.sync import sync
from overthink.cli.exit_codes import OK
from overthink.comparison.stored_runs import stored_runs
from overthink.seeds import Seeds
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.public import read_predictions
from overthink.store.stored import StoredRun
from overthink.store.uri import journals_folder
from support.launches import attempts
from support.old_store import unpack

WITH_SET = ["network.growth=4", "regime.0.drops=[]"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the store."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{unpack(tmp_path)}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(name: str, kind: str = tags.KIND_RUN) -> StoredRun:
    (run,) = [run for run in stored_runs() if run.name == name and run.kind == kind]
    return run


def test_fields_that_were_text_are_typed(folder: Path) -> None:
    group = named("small: short [network.growth=4, regime.0.drops=[]]", tags.KIND_GROUP)
    assert (group.changes, group.changes_label) == (
        {"network.growth": 4, "regime.0.drops": []},
        "network.growth=4, regime.0.drops=[]",
    )
    assert group.seeds == (Seeds(split=0, init=0, order=0, augment=0),)
    study = next(run for run in stored_runs() if run.is_group and run.arms)
    assert {name: [seeds.label for seeds in arm] for name, arm in study.arms.items()} == {
        "none": ["0", "0-repeat1"],
        "init": ["0", "split0-init1-order0-augment0"],
    }
    policy = next(run for run in stored_runs() if run.is_policy and not run.is_group)
    assert policy.labels == ("lambda 50, permuted", "lambda 50")
    assert policy.main is not None
    assert policy.main.run_id == named("small: long seed 0").run_id


def rows(names: Sequence[str], capsys: pytest.CaptureFixture[str], settings: Sequence[str] = ()) -> dict[str, int]:
    compare([*names], form="json", settings=[*settings])
    return {row["group"]: len(row["finished"]) for row in json.loads(capsys.readouterr().out)["rows"]}


def test_compare_finds_its_groups_by_what_definitions_resolve_to_now(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arms = {"tied: base / none": 1, "tied: base / init": 2}  # of the same definition as the variant `short`
    assert rows(["small.yaml"], capsys) == {"small: short": 2, "small: long": 2, **arms}
    label = "[network.growth=4, regime.0.drops=[]]"
    assert rows(["small.yaml"], capsys, WITH_SET) == {f"small: short {label}": 1, f"small: long {label}": 1}
    assert rows(["study.yaml"], capsys)["tied: base / init"] == 2


def test_report_shows_its_experiments(folder: Path) -> None:
    for name in ("small.yaml", "policy.yaml", "study.yaml"):
        assert report([name], folder / "report.html") == 0, name
        assert "<table" in (folder / "report.html").read_text()


def test_no_finished_run_is_trained_again(folder: Path) -> None:
    assert sync() == OK
    known = {run.run_id for run in stored_runs()}
    experiments = [overthink.load_experiment(f"{name}.yaml") for name in ("small", "policy", "study")]
    outcomes = overthink.launch([*experiments, overthink.load_experiment("small.yaml", WITH_SET, (0,))])
    assert (list(outcomes.runs), outcomes.complete) == (["done"], True)
    assert {run.run_id for run in stored_runs()} == known


def test_its_interrupted_run_is_resumed_from_the_checkpoint(folder: Path) -> None:
    before = next(run for run in stored_runs() if run.kind == tags.KIND_RUN and run.outcome == tags.INTERRUPTED)
    loaded = overthink.load_experiment("small.yaml", ["regime.0.epochs=30"], (0,))
    (group,) = [group for group in loaded.groups if group.definition.key == before.group_key]
    assert overthink.launch(replace(loaded, groups=(group,))).complete
    store = Store()
    (after,) = find_runs(store, run_key=before.run_key)
    assert (after.run_id, after.outcome) == (before.run_id, tags.FINISHED)
    assert after.changes == {"regime.0.epochs": 30}
    first, second = attempts(store, after.run_id, folder / "back")
    assert first["epochs_before"] == 0
    assert 0 < second["epochs_before"] < 30
    history = store.client.get_metric_history(after.run_id, "epochs/train_loss")
    assert sorted(entry.step for entry in history) == list(range(1, 31))


def test_a_journal_that_could_not_be_delivered_is_delivered(folder: Path) -> None:
    assert sync() == OK
    assert list(journals_folder().iterdir()) == []
    store = Store()
    run = named("small: short [regime.0.epochs=8] seed 0")
    assert run.outcome == tags.FINISHED
    history = store.client.get_metric_history(run.run_id, "epochs/train_loss")
    assert sorted(entry.step for entry in history) == list(range(1, 9))
    predictions = read_predictions(run)
    assert run.metrics["test/accuracy/last"] == pytest.approx(predictions.correct_EN[-1].mean())
