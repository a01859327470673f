"""Studies of forks in a store: a trunk is trained once, and forks begin with its snapshots, or say that they cannot."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from overthink.definition.experiment import LoadedExperiment
from overthink.definition.loading import experiment_of_run, load_experiment
from overthink.launching.outcomes import Options
from overthink.launching.plan import plan
from overthink.launching.restoring import restore_runs
from overthink.predictions.absent import needed
from overthink.report.fork_lines import connected, connected_grid
from overthink.report.studies import study_of
from overthink.running.exported import exported_runs
from overthink.running.exporting import export_run
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.reader import stored_definition
from overthink.store.stored import StoredRun
from support.command import invoke
from support.launches import Quiet, launch_inline
from support.outages import runs_of, the_group
from support.small import FEW_IMAGES, FEW_LAYERS, definition, small

STUDY: dict[str, Any] = {
    "kind": "study",
    "schema_version": 1,
    "name": "small-forks",
    "description": "A tiny study of forks for tests.",
    "base": "small.yaml",
    "repeats": 2,
    "arms": {"order": ["order"], "none": ["repeat"]},
    "fork_at": [1, 2],
}
TORCH = Options(kernels="torch")
FEW: dict[str, Any] = {"network": FEW_LAYERS, "dataset": FEW_IMAGES}


def forks(folder: Path, **changes: Any) -> LoadedExperiment:
    definition(folder, **FEW)
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY | changes, sort_keys=False))
    return load_experiment(path)


def by_label(store: Store) -> dict[str, StoredRun]:
    return {run.seeds_label: run for run in runs_of(store)}


def test_forks_of_one_trunk(
    tmp_path: Path, store: Store, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.db").write_bytes(empty_database.read_bytes())
    quiet = Quiet()
    outcomes = launch_inline(store, [forks(tmp_path)], TORCH, quiet)
    assert outcomes.complete
    runs = by_label(store)
    assert {*runs} == {"0", "0-fork1-order1", "0-fork2-order1", "0-fork1-repeat1", "0-fork2-repeat1"}
    trunk = runs.pop("0")
    assert trunk.snapshots == (1, 2)
    assert all(run.parent is not None and run.parent.run_id == trunk.run_id for run in runs.values())
    assert all(not run.snapshots for run in runs.values())
    epochs = [
        (body["run"].removeprefix("seed ").partition(" ")[0], body["epoch"]) for body in quiet.bodies if "epoch" in body
    ]
    assert [epoch for label, epoch in epochs if label == "0"] == [1, 2, 3]
    assert [epoch for label, epoch in epochs if label == "0-fork2-order1"] == [3]
    first = store.client.get_metric_history(runs["0-fork2-order1"].run_id, "epochs/train_loss")
    assert [entry.step for entry in first] == [1, 2, 3]  # the shared epochs are among its own
    control = store.predictions(runs["0-fork1-repeat1"].run_id, "test")
    of_trunk = store.predictions(trunk.run_id, "test")
    assert (needed(control.predicted_EN, "classes") == needed(of_trunk.predicted_EN, "classes")).all()
    assert "of which it is a fork" in runs["0-fork1-order1"].note

    of_study = study_of(the_group(store), runs_of(store))
    (one, two) = connected(store, of_study, None, lambda _sentence: None)
    assert [(at.arm, at.shared, at.lines) for at in (one, two)] == [("order", "1", 1), ("order", "2", 1)]
    assert one.loss_PE.shape == (5, 3)
    assert np.isfinite(two.loss_PE).all()
    assert connected_grid([one, two]).rows[1][:3] == ("order", "2", "1")

    for run in (trunk, runs["0-fork2-order1"]):
        export_run(store, run, tmp_path / "exported" / run.seeds_label)
    monkeypatch.setenv("OVERTHINK_STATE", str(tmp_path / "other"))
    other = Store(f"sqlite:///{tmp_path}/other.db")
    assert restore_runs(other, exported_runs(tmp_path / "exported"), Quiet()).complete
    assert {*by_label(other)} == {"0", "0-fork2-order1"}
    assert by_label(other)["0-fork2-order1"].run_key == runs["0-fork2-order1"].run_key
    imported = plan(other, [forks(tmp_path, arms={"order": ["order"]}, fork_at=[2])], dry=True)
    assert {run.action for run in imported} == {"done"}  # no fork is left to need the trunk's snapshot
    imported = plan(other, [forks(tmp_path, arms={"order": ["order"]}, fork_at=[1, 2])], dry=True)
    assert {run.run.seeds.label: run.action for run in imported} == {
        "0": "train",
        "0-fork1-order1": "train",
        "0-fork2-order1": "done",
    }
    monkeypatch.delenv("OVERTHINK_STATE")

    dry = plan(store, [forks(tmp_path, fork_at=[0, 1, 2])], dry=True)
    assert {run.run.seeds.label: run.action for run in dry if run.action != "done"} == {
        "split0-init0-order1-augment0": "train",
        "0-repeat1": "train",
    }
    alone = stored_definition(store, runs["0-fork2-order1"].run_id)
    again = experiment_of_run(alone.text, "run:ID", alone.name, alone.variant, alone.description)
    (planned,) = plan(store, [again], force=True, dry=True)
    assert planned.parent is not None
    assert planned.parent.run_id == trunk.run_id


def test_a_trunk_without_snapshots_is_trained_again(tmp_path: Path, store: Store) -> None:
    launch_inline(store, [small(tmp_path, seeds=1, **FEW)], TORCH)
    (plain,) = runs_of(store)
    study = forks(tmp_path, arms={"order": ["order"]}, fork_at=[2])
    dry = plan(store, [study], dry=True)
    assert [(run.run.seeds.label, run.action) for run in dry] == [("0", "train"), ("0-fork2-order1", "train")]
    assert launch_inline(store, [study], TORCH).complete
    again, _ = sorted((run for run in runs_of(store) if run.run_id != plain.run_id), key=lambda run: run.seeds_label)
    assert (again.run_key, again.snapshots) == (plain.run_key, (2,))
    assert again.metrics["test/accuracy/last"] == plain.metrics["test/accuracy/last"]
    assert {run.action for run in plan(store, [study], dry=True)} == {"done"}
    assert {run.action for run in plan(store, [small(tmp_path, seeds=1, **FEW)], dry=True)} == {"done"}


def test_forks_of_a_trunk_that_failed_say_so(tmp_path: Path, store: Store) -> None:
    study = forks(tmp_path, base={"definition": "small.yaml", "set": {"regime.0.lr": 1e30}})
    outcomes = launch_inline(store, [study], TORCH)
    (trunk,) = runs_of(store)
    assert trunk.outcome == tags.DIVERGED
    (diverged,) = outcomes.runs[tags.DIVERGED]
    said = {outcomes.messages[run.key] for run in outcomes.runs[tags.FAILED]}
    assert len(outcomes.runs[tags.FAILED]) == 4
    assert said == {
        f"its trunk, run {diverged.key}, is not trained: it failed, diverged, or another process is training it"
    }


def test_a_dry_run_shows_forks_and_what_they_share(tmp_path: Path) -> None:
    forks(tmp_path)
    said = " ".join(invoke(tmp_path, "run", "study.yaml", "--dry-run").stderr.split())
    assert "seed 0-fork2-order1 · base · small-forks: to train, starting from epoch 2 of run" in said
    assert "4 forks begin where they leave their trunks: 6 of 15 epochs (40%) are not trained again." in said


def test_a_run_that_keeps_snapshots_has_the_key_of_one_that_does_not(tmp_path: Path, store: Store) -> None:
    kept, plain = small(tmp_path, seeds=1, keep=[1], **FEW), small(tmp_path, seeds=1, **FEW)
    assert kept.groups[0].runs[0].key == plain.groups[0].runs[0].key
    launch_inline(store, [kept], TORCH)
    (run,) = find_runs(store, kind=tags.KIND_RUN)
    assert run.snapshots == (1,)
    assert {item.path for item in store.client.list_artifacts(run.run_id, "snapshots")} == {
        "snapshots/epoch-1.safetensors"
    }
