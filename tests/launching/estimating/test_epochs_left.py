"""Only epochs that a run trains itself are left: not those of another run, nor those of its checkpoint."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from overthink.launching.estimating.epochs_left import after, epochs_left
from overthink.launching.plan import plan
from overthink.launching.planned_run import run_folder
from overthink.store.client import Store
from overthink.training.epochs_in import epochs_in
from overthink.training.regime import OWN_CHECKPOINT, PREVIOUS_CHECKPOINT, Phase
from support.small import small

REGIME = [{"epochs": 2}, {"epochs": 3, "lr": 0.01}, {"epochs": 4, "lr": 0.001}]


@pytest.mark.parametrize(
    "done, left", [(0, (2, 3, 4)), (2, (0, 3, 4)), (4, (0, 1, 4)), (9, (0, 0, 0)), (99, (0, 0, 0))]
)
def test_after_epochs_over_all_phases(done: int, left: tuple[int, ...]) -> None:
    assert after([Phase(epochs=2), Phase(epochs=3), Phase(epochs=4)], done) == left


def test_of_a_parent_a_trunk_and_a_checkpoint(tmp_path: Path, store: Store) -> None:
    variants = {"two": {"regime": REGIME[:2]}, "three": {}}
    two, three = plan(store, [small(tmp_path, regime=REGIME, seeds=1, variants=variants)], dry=True)
    assert (epochs_left(two), epochs_left(three)) == ((2, 3), (0, 0, 4))
    loaded = small(tmp_path, regime=REGIME, arms={"order": ["order"]}, repeats=2, fork_at=[3])
    assert [epochs_left(run) for run in plan(store, [loaded], dry=True)] == [(2, 3, 4), (0, 2, 4)]
    folder = run_folder(two.key)
    folder.mkdir(parents=True)
    for name, epochs in ((OWN_CHECKPOINT, 1), (PREVIOUS_CHECKPOINT, 4)):
        save_file({"x": torch.zeros(1)}, folder / name, {"history": str([*range(epochs)])})
    assert epochs_left(two) == (2, 3), "a run that is trained anew"
    assert epochs_left(replace(two, action="resume")) == (0, 1)


@pytest.mark.parametrize("meta", [None, {"history": "?"}, {"history": "3"}])
def test_checkpoints_that_cannot_be_read_have_none(tmp_path: Path, meta: dict[str, str] | None) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "file", meta)
    assert epochs_in(tmp_path / "file") == -1
    (tmp_path / "file").write_bytes(b"no safetensors")
    assert epochs_in(tmp_path / "file") == -1
