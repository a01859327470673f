"""Runs by the native kernels for real: the same bits at any number of threads, resumed, and after a kill."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overthink.definition.run_definition import RunDefinition
from overthink.networks import availability
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from overthink.running.run import train
from overthink.seeds import Seeds
from overthink.store.client import Store
from overthink.training.epoch_record import EpochRecord
from support.built_kernels import KernelsForTests
from support.launches import command, lines_until, workers_of
from support.outages import runs_of
from support.small import FEW_IMAGES, SMALL, definition, small

PHASES: list[dict[str, Any]] = [
    {"epochs": 3, "batch_size": 30},
    {"epochs": 3, "lr": 0.01, "batch_size": 30, "attach": {"kind": "isc", "width": 4}, "loss": {"kind": "ofa"}},
]


@pytest.fixture(autouse=True)
def compiled(kernels: KernelsForTests, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels that all tests share. Skipped without a compiler."""
    kernels.library(availability.block_for(PHASES[0]["batch_size"]))
    kernels.stand_in(monkeypatch)
    monkeypatch.setenv("OVERTHINK_KERNELS", "native")


def run_of(folder: Path, threads: int = 1, kernel: int = 0, data: dict[str, Any] = FEW_IMAGES) -> RunDefinition:
    group = small(folder, regime=PHASES, seeds=1, threads=threads, augment={"pad": 1}, dataset=data).groups[0]
    seeds = Seeds(split=0, init=0, order=0, augment=0, kernel=kernel)
    return group.definition.by("native").with_seeds(seeds)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, kernels: KernelsForTests) -> Predictions | None:
    """The predictions of a run that was trained at once by one thread."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        kernels.stand_in(patch)
        patch.setenv("OVERTHINK_KERNELS", "native")
        return trained(run_of(folder), folder)


def trained(run: RunDefinition, folder: Path, epochs: int | None = None) -> Predictions | None:
    """Train, to the end or for so many epochs; return the predictions on test images."""
    folder.mkdir(exist_ok=True)
    events: Iterator[object] = train(run, folder, "cpu")
    for event in events:
        if isinstance(event, EpochRecord) and event.epoch == epochs:
            return None
    return Predictions.read(folder / "test.parquet")


def equal(one: Predictions | None, other: Predictions | None) -> bool:
    assert one is not None
    assert other is not None
    return bool(np.array_equal(needed(one.max_softmax_EN, "confidence"), needed(other.max_softmax_EN, "confidence")))


def test_threads_change_neither_bits_nor_keys(tmp_path: Path, whole: Predictions) -> None:
    first, *others = [run_of(tmp_path, threads) for threads in (1, 2, 3)]
    for number, run in enumerate(others):
        assert run.key == first.key
        assert equal(trained(run, tmp_path / str(number)), whole)


@pytest.mark.parametrize("epochs", [2, 3, 4])
def test_a_resumed_run_ends_bit_for_bit(tmp_path: Path, whole: Predictions, epochs: int) -> None:
    run = run_of(tmp_path)
    assert trained(run, tmp_path / "cut", epochs) is None
    assert equal(trained(run, tmp_path / "cut"), whole)


def test_the_seed_kernel_changes_the_rounding(tmp_path: Path, whole: Predictions) -> None:
    assert not equal(trained(run_of(tmp_path, kernel=3), tmp_path), whole)


@pytest.mark.process
@pytest.mark.parametrize("victim", ["coordinator", "worker"])
def test_killed_and_called_again_ends_bit_for_bit(
    store: Store,
    tmp_path: Path,
    victim: str,
    kernels: KernelsForTests,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(kernels.folder))  # processes have the same kernels, without our flags
    path = definition(tmp_path, regime=PHASES, seeds=1)
    process = command(tmp_path)
    list(lines_until(process, "epoch 2/6"))
    os.kill(process.pid if victim == "coordinator" else workers_of(process)[0].pid, signal.SIGKILL)
    process.communicate()
    again = command(path.parent)
    again.communicate()
    assert again.returncode == 0
    (run,) = runs_of(store)
    assert run.kernels == "native"
    assert run.instruction_set
    undisturbed = trained(run_of(tmp_path, data=SMALL["dataset"]), tmp_path / "undisturbed")
    assert equal(store.predictions(run.run_id, "test"), undisturbed)
