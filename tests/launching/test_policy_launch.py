"""Policy networks end to end: a real main network, a real policy network, a real store."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from overthink.cli.commands.compare import compare
from overthink.cli.commands.predict import predict
from overthink.cli.commands.run import run
from overthink.definition.loading import load_experiment
from overthink.exit_policies.catalogue import named
from overthink.exit_policies.references import REFERENCES
from overthink.launching.outcomes import Options
from overthink.launching.planned_run import PlannedRun, run_folder
from overthink.launching.public import Silent
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from overthink.report.exit_policies import Choice, policies_of
from overthink.running.events import Event, Failed
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.stored import StoredRun
from support.launches import launch_inline
from support.policy_file import policy_file

MORE = {"dataset.train": 1000, "dataset.test": 400, "regime": [{"epochs": 3, "lr": 0.05}]}
"""Enough samples that every exit is somebody's label."""


class Deaf(Silent):
    """A listener that remembers what failed."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def on_event(self, run: PlannedRun, event: Event) -> None:
        if isinstance(event, Failed):
            self.failures.append(f"{run.name}: {event.message}")


@pytest.fixture(scope="module")
def launched_once(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    """The folder of a store in which a policy network and the main network that it asked for are finished."""
    folder = tmp_path_factory.mktemp("policy")
    of = {"definition": "small.yaml", "set": MORE}
    path = policy_file(folder, policy={"of": of, "labels": {"lambda": 50}}, seeds=1)
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")  # MLflow keeps engines by their URI
        outcomes = launch_inline(Store(), [load_experiment(path)], Options(jobs=2), Deaf())
        assert outcomes.complete, outcomes.messages
    return folder


@pytest.fixture
def store(launched_once: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """That store, in the working directory; tests leave it as it is."""
    monkeypatch.chdir(launched_once)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{launched_once}/mlflow.db")
    return Store()


def policy_run(store: Store) -> StoredRun:
    (found,) = find_runs(store, kind=tags.KIND_RUN, task=tags.POLICY)
    return found


def test_the_main_network_is_trained_first_and_both_know_each_other(store: Store) -> None:
    policy = policy_run(store)
    (main,) = [entry for entry in find_runs(store, kind=tags.KIND_RUN) if not entry.is_policy]
    assert (policy.outcome, main.outcome) == (tags.FINISHED, tags.FINISHED)
    assert policy.main == (main.run_id, main.run_key)
    assert main.policy_run_ids == (policy.run_id,)
    assert f"runs/{main.run_id}?workflowType=machine_learning)" in policy.note
    assert f"runs/{policy.run_id}?workflowType=machine_learning)" in main.note
    assert main.changes_label.startswith("dataset.train=1000")


def test_what_a_policy_run_leaves_behind(store: Store, tmp_path: Path) -> None:
    policy = policy_run(store)
    assert {"val/policy/accuracy", "test/policy/p/constant", "test/policy/routed/accuracy"} <= policy.metrics.keys()
    assert not any("overthinking" in name or "oracle" in name for name in policy.metrics)
    asked, everything = (
        Predictions.read(store.artifact(policy.run_id, f"predictions/{split}.parquet", tmp_path))
        for split in ("test", "everything")
    )
    assert len(everything.ids_N) == 400
    assert len(asked.ids_N) == pytest.approx(400 * (1 - policy.metrics["test/policy/left_out"]))
    assert asked.logits_ENC is not None
    page = store.artifact(policy.run_id, "figures.html", tmp_path).read_text()
    assert "best constant answer" in page
    (group,) = find_runs(store, kind=tags.KIND_GROUP, task=tags.POLICY)
    assert group.metrics["test/policy/accuracy"] == pytest.approx(policy.metrics["test/policy/accuracy"], abs=1e-6)


def test_it_is_a_row_of_the_exit_policies_of_its_main_network(store: Store) -> None:
    (main,) = [run for run in find_runs(store, kind=tags.KIND_RUN) if not run.is_policy]
    choice = Choice([named("max-softmax")], REFERENCES[:1], (0.5, 1.0), "max-softmax")
    (found,) = policies_of(store, [main], choice)
    assert found.found is not None
    assert [row.name for row in found.found.rows] == ["max-softmax", policy_run(store).group_label, "random"]
    policy = policy_run(store).metrics
    row = found.found.rows[1]
    point = policy["test/policy/routed/accuracy"], policy["test/policy/routed/mul_adds_with_policy"]
    last = float(needed(store.predictions(main.run_id, "test").cost_E, "costs")[-1])
    reached = [(at.accuracy.value, at.cost * last) for at in row.at]
    fixed = store.predictions(main.run_id, "test").correct_EN.mean(axis=1)[[0, -1]].tolist()
    assert all(one == pytest.approx(point) or one[0] in fixed for one in reached)


def test_a_second_time_there_is_nothing_to_do(store: Store, launched_once: Path) -> None:
    outcomes = launch_inline(store, [load_experiment(launched_once / "policy.yaml")], Options(), Deaf())
    assert {kind: len(runs) for kind, runs in outcomes.runs.items()} == {"done": 1}


def test_tables_keep_policy_networks_apart(
    store: Store, launched_once: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows(table: str, names: Sequence[str] = ()) -> list[Any]:
        assert compare(list(names), form="json", table=table) == 0
        return json.loads(capsys.readouterr().out)["rows"]  # type: ignore[no-any-return]

    (row,) = rows("policy")
    assert row["group"] == "small-policy: base"
    assert row["labels"] == "lambda 50"
    assert rows("policy", [str(launched_once / "policy.yaml")]) == [row]
    assert [entry["group"].partition(":")[0] for entry in rows("overthinking")] == ["small"]
    compare(form="markdown", table="policy")
    said = capsys.readouterr().out
    verdict = said.splitlines()[2].split(" | ")[-1]  # which of them may be the machine's
    assert verdict.startswith(("nothing shown", "informative", "learned"))
    assert "NO POSITIVE CONTROL" not in said  # it is itself on Max-Min MNIST


def test_its_classes_are_exits(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np
    from PIL import Image

    Image.fromarray(np.zeros((64, 64), dtype=np.uint8)).save(tmp_path / "black.png")
    assert predict(policy_run(store).run_id, [tmp_path / "black.png"], as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["images"][0]["class"] in ("exit 1", "exit 2", "exit 3")


def test_what_the_store_has_lost_is_said_of_that_run_alone(
    store: Store, launched_once: Path, tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy network of other labels, whose main network's predictions are gone; and one whose were swapped."""
    policy = policy_run(store)
    assert policy.main is not None
    of = Path(store.client.get_run(policy.main.run_id).info.artifact_uri.removeprefix("file://"))
    (of / "predictions" / "val.parquet").rename(of / "predictions" / "away")
    watch = Deaf()
    other = load_experiment(launched_once / "policy.yaml", ["policy.labels.rule=first"])
    try:
        outcomes = launch_inline(store, [other], Options(), watch)
    finally:
        (of / "predictions" / "away").rename(of / "predictions" / "val.parquet")
    assert [kind for kind, runs in outcomes.runs.items() if runs] == [tags.FAILED]
    assert "val.parquet" in watch.failures[0]


def test_predictions_of_another_run_are_refused(launched_once: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from overthink.running.run_data import run_data

    monkeypatch.chdir(launched_once)
    store, loaded = Store(), load_experiment(launched_once / "policy.yaml", ["policy.labels.lambda=51"])
    asked = loaded.groups[0].runs[0]
    folder = launched_once / "swapped" / "main"
    folder.mkdir(parents=True, exist_ok=True)
    policy = policy_run(store)
    for split in ("val", "test"):
        source = store.artifact(policy.run_id, f"predictions/{split}.parquet", launched_once / "swapped")
        (folder / f"{split}.parquet").write_bytes(source.read_bytes())
    with pytest.raises(ValueError, match="but the policy network's main network is 'run "):
        run_data(asked, launched_once / "swapped", torch.device("cpu"))


def test_the_result_is_one_document(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """The table of policy networks stands in it beside the other, which is empty here: all of it is done."""
    assert run(["policy.yaml"], as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["rows"], [row["group"] for row in document["policy"]["rows"]]) == ([], ["small-policy: base"])
    assert [entry["outcome"] for entry in document["runs"]] == ["done"]


def test_a_dry_run_counts_the_main_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([str(policy_file(tmp_path))], dry_run=True, as_json=True) == 0
    names = [entry["name"].split(" · ")[-1] for entry in json.loads(capsys.readouterr().out)]
    assert sorted(names) == ["small", "small", "small-policy", "small-policy"]
    assert not (tmp_path / "mlflow.db").exists()
    assert not run_folder("x").parent.exists()
