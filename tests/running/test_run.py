"""The spine on real digits: same seeds, same bits, whatever interrupted them on the way."""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from overthink.data.catalogue import load_dataset
from overthink.definition.experiment import LoadedExperiment
from overthink.definition.run_definition import RunDefinition
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from overthink.running.events import Finished, Started
from overthink.running.run import train
from overthink.training.checkpoint import NAME, PREVIOUS
from overthink.training.epoch_record import EpochRecord
from overthink.training.loop import DivergedError
from overthink.training.regime import PARENT_CHECKPOINT, STORED_CHECKPOINT
from support.small import FEW_IMAGES, FEW_LAYERS
from support.small import small as with_all_layers


def small(folder: Path, **changes: Any) -> LoadedExperiment:
    return with_all_layers(folder, **{"network": FEW_LAYERS, "dataset": FEW_IMAGES, **changes})


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("val.parquet", "test.parquet")}


def weights(folder: Path) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in load_file(folder / NAME).items()}


def records(events: Sequence[object]) -> list[tuple[object, ...]]:
    """Epoch records without their wall clock."""
    return [
        (e.epoch, e.phase, e.lr, e.train_loss, e.train_accuracy, e.val_loss, e.val_accuracy)
        for e in events
        if isinstance(e, EpochRecord)
    ]


class Whole(NamedTuple):
    """A run that nothing disturbed."""

    events: Sequence[object]
    checkpoints: Sequence[bytes]
    """After each epoch."""
    folder: Path


def undisturbed(folder: Path, **changes: Any) -> Whole:
    events, checkpoints = [], []
    for event in train(small(folder, **changes).groups[0].runs[0], folder, "cpu"):
        events.append(event)
        if isinstance(event, EpochRecord):
            checkpoints.append((folder / NAME).read_bytes())
    return Whole(events, checkpoints, folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return undisturbed(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def whole_of_two_phases(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return undisturbed(tmp_path_factory.mktemp("whole-of-two"), regime=TWO_PHASES)


def test_a_run_from_definition_to_predictions(tmp_path: Path) -> None:
    run = small(tmp_path).groups[0].runs[0]
    events = list(train(run, tmp_path, "cpu"))
    started = events[0]
    assert isinstance(started, Started)
    assert started.samples == {"train": 128, "val": 32, "test": 80}
    assert len(started.mul_adds) == 3
    assert isinstance(events[-1], Finished)
    assert [event.lr for event in events if isinstance(event, EpochRecord)] == pytest.approx([0.1, 0.1, 0.01])
    test = Predictions.read(tmp_path / "test.parquet")
    assert needed(test.predicted_EN, "classes").shape == (3, 80)
    assert tuple(needed(test.cost_E, "costs")) == started.mul_adds
    last = events[-2]
    assert isinstance(last, EpochRecord)
    validation = Predictions.read(tmp_path / "val.parquet")
    assert validation.correct_EN.mean(axis=1) == pytest.approx(np.array(last.val_accuracy))


def test_the_same_seeds_give_the_same_bits_and_others_do_not(tmp_path: Path) -> None:
    loaded = small(tmp_path)
    folders = [tmp_path / name for name in ("one", "two", "other")]
    for folder, run in zip(folders, [loaded.groups[0].runs[i] for i in (0, 0, 1)], strict=True):
        folder.mkdir()
        list(train(run, folder, "cpu"))
    assert digests(folders[0]) == digests(folders[1])
    assert digests(folders[0]) != digests(folders[2])


@pytest.mark.parametrize("own_epochs", [0, 1, 3])
@pytest.mark.parametrize("stored_epochs", [1, 2, 3])
def test_a_copy_of_the_checkpoint_is_enough_to_finish_a_run_elsewhere(
    tmp_path: Path, whole: Whole, own_epochs: int, stored_epochs: int
) -> None:
    """Also the copy of the last epoch, after which nothing is left to train; an older own one does not replace it."""
    run = small(tmp_path).groups[0].runs[0]
    here = tmp_path / "here"
    here.mkdir()
    (here / STORED_CHECKPOINT).write_bytes(whole.checkpoints[stored_epochs - 1])
    if own_epochs:
        (here / NAME).write_bytes(whole.checkpoints[own_epochs - 1])
    started, *rest = train(run, here, "cpu")
    assert isinstance(started, Started)
    assert len(started.history) == max(own_epochs, stored_epochs)
    assert isinstance(rest[-1], Finished)
    assert digests(here) == digests(whole.folder)
    assert weights(here) == weights(whole.folder)


@pytest.mark.parametrize("epochs_before", [1, 2, 3])
def test_a_run_that_stopped_goes_on_bit_for_bit(tmp_path: Path, whole: Whole, epochs_before: int) -> None:
    run, parts = small(tmp_path).groups[0].runs[0], tmp_path / "parts"
    parts.mkdir()
    stopping = train(run, parts, "cpu")
    before = [next(stopping) for _ in range(1 + epochs_before)]
    stopping.close()  # type: ignore[attr-defined]
    after = list(train(run, parts, "cpu"))
    assert records(before) + records(after) == records(whole.events)
    assert digests(parts) == digests(whole.folder)
    assert weights(parts) == weights(whole.folder)
    resumed = after[0]
    assert isinstance(resumed, Started)
    assert len(resumed.history) == epochs_before


def test_a_damaged_checkpoint_costs_an_epoch_and_nothing_else(tmp_path: Path, whole: Whole) -> None:
    run, parts = small(tmp_path).groups[0].runs[0], tmp_path / "parts"
    parts.mkdir()
    stopping = train(run, parts, "cpu")
    for _ in range(3):
        next(stopping)
    stopping.close()  # type: ignore[attr-defined]
    damaged = (parts / NAME).read_bytes()
    (parts / NAME).write_bytes(damaged[: len(damaged) // 2])
    assert (parts / PREVIOUS).exists()
    after = list(train(run, parts, "cpu"))
    assert isinstance(after[0], Started)
    assert len(after[0].history) == 1
    assert digests(parts) == digests(whole.folder)


TWO_PHASES = [
    {"epochs": 1},
    {"epochs": 2, "lr": 0.01, "attach": {"kind": "isc", "width": 4}, "loss": {"kind": "ofa"}, "freeze": "backbone"},
]


@pytest.mark.parametrize("epochs_before", [1, 2, 3])
def test_a_second_phase_goes_on_bit_for_bit(tmp_path: Path, whole_of_two_phases: Whole, epochs_before: int) -> None:
    """At the border of phases, in the middle of the second (which has a teacher to remember), and at its end."""
    run, parts = small(tmp_path, regime=TWO_PHASES).groups[0].runs[0], tmp_path / "parts"
    parts.mkdir()
    stopping = train(run, parts, "cpu")
    before = [next(stopping) for _ in range(1 + epochs_before)]
    stopping.close()  # type: ignore[attr-defined]
    remembers_teacher = any(name.startswith("teacher/") for name in weights(parts))
    assert remembers_teacher == (epochs_before == 2)
    after = list(train(run, parts, "cpu"))
    assert records(before) + records(after) == records(whole_of_two_phases.events)
    assert digests(parts) == digests(whole_of_two_phases.folder)
    assert weights(parts) == weights(whole_of_two_phases.folder)
    assert isinstance(before[0], Started)
    assert tuple(needed(Predictions.read(parts / "test.parquet").cost_E, "costs")) == before[0].mul_adds


def parent_and_child(folder: Path) -> tuple[RunDefinition, RunDefinition, Path, Path]:
    """A run of one phase, finished, and one that begins with it, whose folder has the first one's checkpoint."""
    child = small(folder, regime=TWO_PHASES).groups[0].runs[0]
    parent = small(folder, regime=TWO_PHASES[:1]).groups[0].runs[0]
    folders = folder / "parent", folder / "child"
    for each in folders:
        each.mkdir()
    list(train(parent, folders[0], "cpu"))
    shutil.copy(folders[0] / NAME, folders[1] / PARENT_CHECKPOINT)
    return parent, child, *folders


def test_a_run_that_begins_with_another_ends_as_if_it_had_not(tmp_path: Path, whole_of_two_phases: Whole) -> None:
    parent, child, _, folder = parent_and_child(tmp_path)
    events = list(train(child, folder, "cpu", parent_key=parent.key))
    assert isinstance(events[0], Started)
    assert len(events[0].history) == 1
    assert records([*events[0].history, *events]) == records(whole_of_two_phases.events)
    assert digests(folder) == digests(whole_of_two_phases.folder)
    assert weights(folder) == weights(whole_of_two_phases.folder)


def test_a_parent_that_does_not_fit_is_named(tmp_path: Path) -> None:
    parent, child, parents_folder, folder = parent_and_child(tmp_path)
    with pytest.raises(ValueError, match=r"parent.safetensors belongs to run .*, not to elsewhere"):
        list(train(child, folder, "cpu", parent_key="elsewhere"))
    wider = small(tmp_path, regime=TWO_PHASES, network=FEW_LAYERS | {"growth": 4}).groups[0].runs[0]
    with pytest.raises(ValueError, match="is of another network"):
        list(train(wider, folder, "cpu", parent_key=parent.key))
    (folder / PARENT_CHECKPOINT).write_bytes((parents_folder / NAME).read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"not a readable checkpoint: .*--no-reuse"):
        list(train(child, folder, "cpu", parent_key=parent.key))


def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = small(tmp_path, regime=[{"epochs": 2}]).groups[0].runs[0]
    stopping = train(run, tmp_path, "cpu")
    for _ in range(2):
        next(stopping)
    stopping.close()  # type: ignore[attr-defined]
    changed = replace(load_dataset(run.dataset), digest="f" * 64)
    monkeypatch.setattr("overthink.running.run_data._dataset", lambda spec, root: changed)
    with pytest.raises(ValueError, match="was trained on other data"):
        list(train(run, tmp_path, "cpu"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--device cuda:3: this machine has 0 CUDA devices"):
        list(train(small(tmp_path).groups[0].runs[0], tmp_path, "cuda:3"))


def test_a_run_that_diverges_says_so_and_keeps_its_last_good_checkpoint(tmp_path: Path) -> None:
    run = small(tmp_path, regime=[{"epochs": 2, "lr": 1e30}]).groups[0].runs[0]
    with pytest.raises(DivergedError, match=r"in epoch 1 at learning rate 1e\+30: the run diverged"):
        list(train(run, tmp_path, "cpu"))
    assert not (tmp_path / NAME).exists()


def test_one_stream_at_a_time_can_be_held(tmp_path: Path) -> None:
    """With the split fixed, the same samples validate; with all fixed but order, the first weights are the same."""
    seeds = {"split": 5, "init": 5, "augment": 5, "order": [0, 1]}
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, run in zip(folders, small(tmp_path, seeds=seeds).groups[0].runs, strict=True):
        folder.mkdir()
        list(train(run, folder, "cpu"))
    a, b = (Predictions.read(folder / "val.parquet") for folder in folders)
    assert (a.ids_N == b.ids_N).all()
    assert (needed(a.max_softmax_EN, "confidence") != needed(b.max_softmax_EN, "confidence")).any()
