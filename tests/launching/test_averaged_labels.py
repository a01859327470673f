"""Policy networks on labels of several trainings, and the noise ceiling that a store's trainings give, end to end."""

import json
from pathlib import Path
from typing import Any

import pytest

from overthink.cli.commands.analyse import analyse
from overthink.cli.commands.compare import compare
from overthink.cli.commands.labels import labels
from overthink.cli.commands.report import report
from overthink.cli.commands.run import run
from overthink.definition.loading import load_experiment
from overthink.launching.launch import launch
from overthink.launching.outcomes import Options
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from overthink.report.ceilings import independent_trainings
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.stored import StoredRun
from overthink.store.writer import Writer
from support.engines import InlineEngine
from support.launches import Quiet, launch_inline
from support.policy_file import policy_file
from support.small import SMALL, definition

MORE = {
    "dataset": SMALL["dataset"] | {"train": 1000, "test": 400},
    "validation": 0.5,
    "regime": [{"epochs": 2, "lr": 0.05}],
}
"""Enough samples that two trainings hold out some hundred of the same."""
VARIANTS: dict[str, Any] = {"averaged": {"policy.labels.averaged_over": [0, 1]}, "own": {}}
CEILING = "test/policy/ceiling"


def files(folder: Path) -> Path:
    policy = {"of": "small.yaml", "of_seed": 0, "labels": {"lambda": 50}}
    path = policy_file(folder, policy=policy, seeds=1, variants=VARIANTS)
    definition(folder, **MORE)
    return path


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    """The folder of a store with two trainings of a main network, and policy networks on labels of both and of one."""
    folder = tmp_path_factory.mktemp("averaged")
    path = files(folder)
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        outcomes = launch_inline(Store(), [load_experiment(path)])
        assert outcomes.complete, outcomes.messages
    return folder


@pytest.fixture
def store(launched: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(launched)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{launched}/mlflow.db")
    return Store()


def of_variant(store: Store, variant: str, kind: str = tags.KIND_RUN) -> StoredRun:
    (found,) = find_runs(store, kind=kind, task=tags.POLICY, variant=variant)
    return found


def trainings(store: Store) -> list[StoredRun]:
    mains = [one for one in find_runs(store, kind=tags.KIND_RUN, definition="small") if one.is_finished]
    return sorted(mains, key=lambda one: one.seeds_label)


def test_both_trainings_are_run_first_and_named_by_the_policy_network(store: Store) -> None:
    averaged, first, second = of_variant(store, "averaged"), *trainings(store)[:2]
    assert averaged.labelled_by == (first.run_id, second.run_id)
    assert averaged.main is not None
    assert averaged.main.run_id == first.run_id
    assert of_variant(store, "own").labelled_by == ()
    for training in (first, second):
        assert f"runs/{training.run_id}?workflowType=machine_learning)" in averaged.note
    assert averaged.labels is not None
    assert averaged.labels.test_key == "lambda 50, averaged over seeds 0 1"
    assert "in enough of the trainings" in averaged.note


def test_it_learns_samples_that_both_held_out_and_is_tested_on_the_same_labels(store: Store, tmp_path: Path) -> None:
    averaged = of_variant(store, "averaged")
    held_out, tests = (
        [store.predictions(one.run_id, split) for one in trainings(store)[:2]] for split in ("val", "test")
    )
    common = {*held_out[0].ids_N.tolist()} & {*held_out[1].ids_N.tolist()}
    learned = Predictions.read(store.artifact(averaged.run_id, "predictions/val.parquet", tmp_path))
    assert len(learned.ids_N) > 0
    assert {*learned.ids_N.tolist()} <= common
    spec = load_experiment(tmp_path_policy(store)).groups[0].definition.policy
    assert spec is not None
    expected = spec.labels.of(*tests)
    tested = Predictions.read(store.artifact(averaged.run_id, "predictions/test.parquet", tmp_path))
    assert needed(tested.labels_N, "labels").tolist() == expected.label_M.tolist()
    assert tested.ids_N.tolist() == tests[0].ids_N[expected.rows_M].tolist()


def tmp_path_policy(store: Store) -> Path:
    return Path(store.uri.removeprefix("sqlite:///")).parent / "policy.yaml"


def test_a_second_time_there_is_nothing_to_do(store: Store, launched: Path) -> None:
    outcomes = launch_inline(store, [load_experiment(launched / "policy.yaml")])
    assert {kind: len(runs) for kind, runs in outcomes.runs.items()} == {"done": 2}


def test_two_trainings_have_a_ceiling_without_an_interval(store: Store) -> None:
    own = of_variant(store, "own", tags.KIND_GROUP)
    assert own.metrics[f"{CEILING}/trainings"] >= 2
    assert f"{CEILING}/excess" in own.metrics
    assert "Noise ceiling: the majority of the other trainings' labels is right" in own.note
    averaged = of_variant(store, "averaged", tags.KIND_GROUP)
    assert (averaged.metrics[f"{CEILING}/trainings"], averaged.metrics[f"{CEILING}/averaged"]) == (1, 2)
    assert "Noise ceiling unknown: 1 set of 2 trainings of the main network." in averaged.note
    assert "majority of other trainings" in store.text(own.run_id, tags.FIGURES_PAGE)
    assert "majority of other trainings" not in store.text(averaged.run_id, tags.FIGURES_PAGE)


def test_more_trainings_make_an_interval(
    store: Store, launched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`report` computes it from the predictions there are; `analyse` stores it; `compare` shows what is stored."""
    launch_inline(store, [load_experiment(launched / "small.yaml", seeds=(2,))])
    report([str(launched / "policy.yaml")], tmp_path / "report.html")
    assert "over 3 trainings of the main network" in (tmp_path / "report.html").read_text()
    before = of_variant(store, "own", tags.KIND_GROUP).metrics
    assert before[f"{CEILING}/trainings"] == 2
    capsys.readouterr()
    for new in (1, 0):  # the set of two stays alone: the third training makes no second one
        assert analyse([str(launched / "policy.yaml")], as_json=True) == 0
        assert sum(entry["new"] for entry in json.loads(capsys.readouterr().out)) == new
    own = of_variant(store, "own", tags.KIND_GROUP)
    assert own.metrics[f"{CEILING}/trainings"] == 3
    low, high = (own.metrics[f"{CEILING}/excess/{end}"] for end in ("low", "high"))
    assert low < own.metrics[f"{CEILING}/excess"] < high
    assert own.metrics["seeds/n"] == 1
    assert "over 3 trainings of the main network" in own.note
    assert compare([str(launched / "policy.yaml")], form="json", table="policy") == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["of_group"].get(f"{CEILING}/excess") for row in rows] == [None, own.metrics[f"{CEILING}/excess"]]


def test_labels_of_stored_trainings(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = trainings(store)[:2]
    assert labels(second.run_id, [50.0], split="test", averaged_over="0,1", as_json=True) == 0
    found = json.loads(capsys.readouterr().out)["rules"]["50"]
    policy = load_experiment(tmp_path_policy(store)).groups[0].definition.policy
    assert policy is not None
    expected = policy.labels.of(*(store.predictions(one.run_id, "test") for one in (first, second)))
    assert found["counts"]["all"] == expected.count_C.tolist()
    assert found["noise_ceiling"]["averaged"] == 2
    assert labels(first.run_id, split="test") == 0
    shown = capsys.readouterr()
    assert "Noise ceiling: % of labels" in shown.out
    assert labels(first.run_id, averaged_over="0,1") == 0
    shown = capsys.readouterr()
    assert "averaged over 2 trainings" in shown.err
    assert "Noise ceiling unknown: it needs two trainings" in shown.err
    with pytest.raises(ValueError, match="--averaged-over 9: no finished training of small: base has this seed, but 0"):
        labels(first.run_id, averaged_over="0,9")


def test_repeats_of_one_training_are_no_other_trainings(store: Store) -> None:
    """A study's repeats share weights, order or all; runs on other data are no trainings on these samples."""
    first = trainings(store)[0]
    writer, made = Writer(store), []
    shared = {tags.KIND: tags.KIND_RUN, tags.GROUP_KEY: first.group_key, tags.DEFINITION: "repeats"}
    for seeds in ("0-repeat1", "split0-init0-order7-augment7", "split7-init7-order7-augment0", "8"):
        run_id = writer.create(first.experiment_id, seeds, {**shared, tags.SEEDS: seeds, tags.RUN_KEY: seeds}, {})
        writer.close(run_id, tags.FINISHED)
        made.append(run_id)
    writer.dataset(made[-1], "small", "e" * 36, {})
    try:
        known = {one.run_id for one in independent_trainings(store, first.group_key, [first.run_id])}
        assert not known & {*made}
        assert first.run_id in known
    finally:
        for run_id in made:
            writer.delete(run_id)


def test_a_dry_run_names_the_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = files(tmp_path)
    keys = [one.key for one in load_experiment(tmp_path / "small.yaml").groups[0].runs]
    assert run([str(path)], dry_run=True, as_json=True) == 0
    planned = json.loads(capsys.readouterr().out)
    assert [entry["labelled_by_run_keys"] for entry in planned[:2]] == [keys, []]
    assert sorted(entry["run_key"] for entry in planned[2:]) == sorted(keys)
    assert run([str(path)], dry_run=True) == 0
    assert f"with labels averaged over runs {', '.join(keys)}" in capsys.readouterr().err


def test_a_training_that_fails_fails_what_is_labelled_by_it_alone(
    tmp_path: Path, store_of_its_own: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variant that needs seed 0 alone is trained."""
    loaded = load_experiment(files(tmp_path))
    trained = InlineEngine.__dict__["_events"]
    second = load_experiment(tmp_path / "small.yaml").groups[0].runs[1].key

    def failing(engine: InlineEngine, job: Any) -> Any:
        from overthink.running.events import Failed

        yield from [Failed("no")] if job.name == second else trained(engine, job)

    monkeypatch.setattr(InlineEngine, "_events", failing)
    outcomes = launch(store_of_its_own, [loaded], Options(), Quiet(), InlineEngine())
    standing = {one.name: outcome for outcome, runs in outcomes.runs.items() for one in runs}
    assert standing["seed 0 · own · small-policy"] == tags.FINISHED
    assert standing["seed 0 · averaged · small-policy"] == tags.FAILED
    (said,) = [words for key, words in outcomes.messages.items() if key != second]
    assert f"its main network, run {second}, is not trained" in said


@pytest.fixture
def store_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> Store:
    from support.launches import opened

    return opened(tmp_path, empty_database, monkeypatch)
