"""What two stores are compared by: nothing is lost, nothing is there twice."""

import shutil
from pathlib import Path

from safetensors.numpy import load

from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.stored import StoredRun
from overthink.store.uri import journals_folder

TIMED = "epochs/images_per_second"
"""The one metric that two equal runs differ in."""


Histories = dict[str, list[tuple[int, float]]]


def runs_of(store: Store) -> list[StoredRun]:
    return sorted(find_runs(store, kind=tags.KIND_RUN), key=lambda run: run.seeds_label)


def histories(store: Store, run: StoredRun) -> Histories:
    return {
        key: [(entry.step, entry.value) for entry in store.client.get_metric_history(run.run_id, key)]
        for key in run.metrics
    }


def artifacts(store: Store, run: StoredRun, folder: Path) -> dict[str, bytes]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    root = Path(store.repository(run.run_id).download_artifacts("", str(folder)))
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def assert_nothing_lost_or_doubled(store: Store, whole: Path, folder: Path, seeds: int = 2) -> None:
    """The store holds the same runs as one that nothing ever happened to, once each."""
    other = Store(f"sqlite:///{whole}/mlflow.db")
    assert len(runs_of(store)) == seeds
    for run, right in zip(runs_of(store), runs_of(other)[:seeds], strict=True):
        assert run.outcome == tags.FINISHED
        assert run.seeds_label == right.seeds_label
        mine, theirs = histories(store, run), histories(other, right)
        assert [step for step, _ in mine.pop(TIMED)] == [step for step, _ in theirs.pop(TIMED)]
        assert mine == theirs
        assert store.client.get_run(run.run_id).data.params == other.client.get_run(right.run_id).data.params
        assert len(store.client.get_run(run.run_id).inputs.dataset_inputs) == 1
        found, expected = artifacts(store, run, folder / "mine"), artifacts(other, right, folder / "theirs")
        assert found.keys() == expected.keys()
        weights, right_weights = (load(of["checkpoint/checkpoint.safetensors"]) for of in (found, expected))
        assert weights.keys() == right_weights.keys()
        assert all((weights[name] == right_weights[name]).all() for name in weights)
        for name in (
            "predictions/test.parquet",
            "predictions/val.parquet",
            "definition.json",
        ):  # the others tell of times
            assert found[name] == expected[name], name
    assert list(journals_folder().iterdir()) == []


def the_group(store: Store) -> StoredRun:
    (group,) = find_runs(store, kind=tags.KIND_GROUP)
    return group
