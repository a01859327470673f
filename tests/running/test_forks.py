"""Forks share their trunk's epochs to the last bit, and differ in what is drawn anew from there on."""

from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from safetensors.torch import load_file

from overthink.definition.run_definition import RunDefinition
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from overthink.running.run import train
from overthink.seeds import Seeds
from overthink.training.checkpoint import NAME
from overthink.training.epoch_record import EpochRecord
from overthink.training.regime import PARENT_CHECKPOINT, snapshot_name
from support.built_kernels import KernelsForTests
from support.small import FEW_IMAGES, FEW_LAYERS, small

TEACHER = {"kind": "ofa", "teacher": "previous"}
PHASES: list[dict[str, Any]] = [
    {"epochs": 2, "batch_size": 30},
    {"epochs": 3, "lr": 0.01, "batch_size": 30, "attach": {"kind": "isc", "width": 4}, "loss": {"kind": "ofa"}},
]


def trunk_of(folder: Path, **changes: Any) -> RunDefinition:
    of_all = {"network": FEW_LAYERS, "dataset": FEW_IMAGES, "regime": PHASES, "seeds": 1, "keep": [1, 2, 3, 4]}
    return small(folder, **{**of_all, **changes}).groups[0].runs[0]


def fork_of(trunk: RunDefinition, at: int, **own: int) -> RunDefinition:
    return trunk.group.keeping(()).with_seeds(trunk.seeds.forked(at, own))


def trained(run: RunDefinition, folder: Path, trunk: Path | None = None, epochs: int | None = None) -> Path:
    """Train to the end, or for so many epochs; a fork begins with the snapshot in its trunk's folder."""
    folder.mkdir(exist_ok=True)
    parent = run.trunk
    if run.seeds.fork is not None and trunk is not None:
        copyfile(trunk / snapshot_name(run.seeds.fork.at), folder / PARENT_CHECKPOINT)
    for event in train(run, folder, "cpu", parent_key=parent.key if parent else None):
        if isinstance(event, EpochRecord) and event.epoch == epochs:
            break
    return folder


def bits(folder: Path) -> tuple[bytes, ...]:
    """Of all tensors of the checkpoint: weights, statistics and momentum."""
    tensors = load_file(folder / NAME)
    return tuple(tensors[name].numpy().tobytes() for name in sorted(tensors))


def answers(folder: Path) -> bytes:
    return needed(Predictions.read(folder / "test.parquet").predicted_EN, "classes").tobytes()


@pytest.fixture(scope="module")
def trunk_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trunk")
    return trained(trunk_of(folder), folder)


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_fork_with_its_trunks_seeds_is_its_trunk(tmp_path: Path, trunk_folder: Path, at: int) -> None:
    """Within a phase, with momentum, and at its end; the repeat is another run of the same."""
    fork = fork_of(trunk_of(tmp_path), at, order=0, repeat=1)
    assert bits(trained(fork, tmp_path / "fork", trunk_folder)) == bits(trunk_folder)
    assert answers(tmp_path / "fork") == answers(trunk_folder)


def test_a_fork_of_a_phase_with_a_teacher_is_its_trunk(tmp_path: Path) -> None:
    trunk = trunk_of(tmp_path, regime=[PHASES[0], {"epochs": 2, "batch_size": 30, "loss": TEACHER}], keep=[3])
    trained(trunk, tmp_path / "trunk")
    trained(fork_of(trunk, 3, augment=0), tmp_path / "same", tmp_path / "trunk")
    assert bits(tmp_path / "same") == bits(tmp_path / "trunk")


def test_a_fork_by_native_kernels_is_its_trunk(
    tmp_path: Path, kernels: KernelsForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels.stand_in(monkeypatch)
    trunk = trunk_of(tmp_path, kernels="native")
    trained(trunk, tmp_path / "trunk")
    for at in (1, 3):
        trained(fork_of(trunk, at, kernel=0), tmp_path / f"same-{at}", tmp_path / "trunk")
        assert bits(tmp_path / f"same-{at}") == bits(tmp_path / "trunk")
    trained(fork_of(trunk, 3, kernel=1), tmp_path / "other", tmp_path / "trunk")
    assert bits(tmp_path / "other") != bits(tmp_path / "trunk")


@pytest.mark.parametrize("source", ["order", "augment"])
def test_another_seed_draws_other_numbers_from_the_fork_on(tmp_path: Path, trunk_folder: Path, source: str) -> None:
    """The epochs after it are those of a run that has had this seed from the beginning."""
    fork = fork_of(trunk_of(tmp_path), 4, **{source: 5})
    assert bits(trained(fork, tmp_path / "fork", trunk_folder)) != bits(trunk_folder)
    assert fork.seeds.at_end == trunk_of(tmp_path).seeds.model_copy(update={source: 5})


def test_a_fork_that_is_killed_goes_on_the_same(tmp_path: Path, trunk_folder: Path) -> None:
    fork = fork_of(trunk_of(tmp_path), 1, order=5)
    whole = trained(fork, tmp_path / "whole", trunk_folder)
    cut = trained(fork, tmp_path / "cut", trunk_folder, epochs=3)
    (cut / PARENT_CHECKPOINT).unlink()
    assert bits(trained(fork, cut)) == bits(whole)


def test_a_snapshot_of_another_run_or_epoch_is_refused(tmp_path: Path, trunk_folder: Path) -> None:
    fork, folder = fork_of(trunk_of(tmp_path), 2, order=5), tmp_path / "fork"
    folder.mkdir()
    copyfile(trunk_folder / snapshot_name(3), folder / PARENT_CHECKPOINT)
    with pytest.raises(ValueError, match=r"parent\.safetensors is of epoch 3, and the fork begins at 2"):
        list(train(fork, folder, "cpu", parent_key=trunk_of(tmp_path).key))
    other = fork_of(fork.group.with_seeds(Seeds.same(7)), 2, order=5)
    assert other.trunk is not None
    with pytest.raises(ValueError, match=f"belongs to run {trunk_of(tmp_path).key}, not to {other.trunk.key}"):
        list(train(other, folder, "cpu", parent_key=other.trunk.key))


def test_snapshots_are_a_file_of_weights_to_start_from(tmp_path: Path, trunk_folder: Path) -> None:
    """With the names in a checkpoint; momentum is no weight."""
    weights = {
        "file": str(trunk_folder / snapshot_name(1)),
        "names": {"network/": ""},
        "superfluous": "ignore",
    }
    started = small(tmp_path, network=FEW_LAYERS, weights=weights, regime=[], seeds=1).groups[0].runs[0]
    trained(started, tmp_path / "started")
    snapshot, loaded = load_file(trunk_folder / snapshot_name(1)), load_file(tmp_path / "started" / NAME)
    assert {name for name in loaded if name.startswith("network/")} == {*loaded}
    assert all(loaded[name].equal(snapshot[name]) for name in loaded)


def test_a_snapshot_that_a_kill_has_prevented_is_made_when_training_goes_on(
    tmp_path: Path, trunk_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between an epoch's checkpoint and its copy, or on a full disk; nothing else would ever make it."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    trunk, folder = trunk_of(tmp_path), tmp_path / "killed"
    with monkeypatch.context() as patch:
        patch.setattr("overthink.training.checkpoint.keep_snapshot", killed)
        with pytest.raises(KeyboardInterrupt):
            trained(trunk, folder)
    trained(trunk, folder)
    for epoch in trunk.keep:
        snapshot, undisturbed = (load_file(of / snapshot_name(epoch)) for of in (folder, trunk_folder))
        assert {name: tensor.tolist() for name, tensor in snapshot.items()} == {
            name: tensor.tolist() for name, tensor in undisturbed.items()
        }
