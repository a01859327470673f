"""Timing a few training steps of a run's network on its own data, on the machine and by the kernels that train it.

Everything is done as `run.train` does it, on part of the samples: the phase's own loop, validation and checkpoint.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch

from overthink.data.batches import Samples, n_batches
from overthink.data.catalogue import load_dataset
from overthink.data.dataset import Split
from overthink.data.splits import split_validation
from overthink.definition.run_definition import RunDefinition
from overthink.networks.cost import mul_adds_of_copy
from overthink.networks.kernels import Kernels
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.networks.size_limit import limited_size
from overthink.predictions.predictions import Predictions
from overthink.running.device import configure
from overthink.running.kernels import kernels_of, torch_threads
from overthink.running.pace import Pace, PhaseOfRun
from overthink.running.run_data import RunData, run_data, splits_of
from overthink.running.run_files import EVERYTHING
from overthink.seeds import generator, torch_generator
from overthink.training import checkpoint
from overthink.training.checkpoint import RunIdentity
from overthink.training.epoch_record import EpochRecord
from overthink.training.evaluate import BATCH, evaluate
from overthink.training.loop import TrainingState, fit
from overthink.training.phases import network_in
from overthink.training.regime import Phase

SECONDS = 0.7
"""How long the steps of one round take, about."""
ROUNDS = 3
FEWEST, WARM_UP = 2, 2
"""Steps of a round at least, and those before the first round."""
LR = 1e-6
"""So low that no network diverges, whatever its real learning rate is."""


class Ready(NamedTuple):
    """A phase whose data are loaded and whose network is built."""

    of: PhaseOfRun
    data: RunData
    network: MultiExitNetwork
    """As it is when the phase begins."""
    device: torch.device
    kernels: Kernels
    load: float
    """Seconds that this took."""


class _Epoch(NamedTuple):
    """Seconds of the parts of an epoch, and what it leaves behind."""

    train: float
    sample: float
    save: float
    checkpoint: int
    records: tuple[EpochRecord, ...]


def ready(of: PhaseOfRun, device: str, data_root: Path | None = None) -> Ready:
    """Return a phase with all that it needs; raises ValueError as `train` does where this machine cannot train it."""
    began, run = perf_counter(), of.run
    on = configure(torch_threads(run), device, strict=run.seeds.at_end.kernel == 0, tf32=run.precision == "tf32")
    kernels = kernels_of(run, on)
    data = _stand_in_data(run, data_root) if run.chooses_for is not None else run_data(run, Path(), on, data_root)
    with limited_size():
        network = run.network.build(data.dataset.image_shape, len(data.classes), torch_generator(run.seeds, "init"))
    network = network_in(network.to(on), run.regime[: of.phase or 0], run.seeds)
    return Ready(of, data, network, on, kernels, perf_counter() - began)


def pace(at: Ready, finish: Callable[[Path], int]) -> Pace:
    """Return the pace of a phase. `finish` makes what follows predictions in a folder, and returns its bytes."""
    of, data = at.of, at.data
    samples = {name: len(split.labels_N) for name, split in data.splits.items() if name != EVERYTHING}
    phase = None if of.phase is None else of.run.regime[of.phase]
    with TemporaryDirectory() as folder:
        epoch = _evaluation(at, Path(folder)) if phase is None else _epoch(at, phase, Path(folder))
        began = perf_counter()
        stored = _write_predictions(at, Path(folder))
        page = finish(Path(folder))
        made = perf_counter() - began
    predicted = sum(len(split.labels_N) for name, split in data.splits.items() if name != "train")
    return Pace(
        load=at.load,
        epoch=epoch.train + samples["val"] * epoch.sample + epoch.save,
        sample=epoch.sample,
        finish=predicted * epoch.sample + made,
        samples=samples,
        checkpoint=epoch.checkpoint,
        predictions=stored,
        page=page,
    )


def _epoch(at: Ready, phase: Phase, folder: Path) -> _Epoch:
    """Time an epoch of a phase by rounds of a few steps."""
    batches = n_batches(len(at.data.splits["train"].labels_N), phase.batch_size)
    (warm,) = _rounds(at, phase, min(WARM_UP, batches), BATCH, 1)[0]
    step = _training_seconds(warm, min(WARM_UP, batches) * phase.batch_size) / min(WARM_UP, batches)
    steps = min(batches, max(FEWEST, round(SECONDS / step)))
    validated = min(len(at.data.splits["val"].labels_N), -(-steps * phase.batch_size // (2 * BATCH)) * BATCH)
    records, state = _rounds(at, phase, steps, validated, ROUNDS + 1)
    trained = [_training_seconds(one, steps * phase.batch_size) for one in records[1:]]
    evaluated = [one.seconds - train for one, train in zip(records[1:], trained, strict=True)]
    save, size = _saved(at, state, folder)
    return _Epoch(median(trained) / steps * batches, median(evaluated) / validated, save, size, tuple(records))


def _rounds(
    at: Ready, phase: Phase, steps: int, validated: int, rounds: int
) -> tuple[list[EpochRecord], TrainingState]:
    """Train that many rounds of a few steps on part of the samples, as epochs of the phase."""
    short = phase.model_copy(update={"epochs": rounds, "lr": LR, "drops": (), "stop_after": None})
    state = TrainingState(copy.deepcopy(at.network))
    train = _part(at, "train", steps * phase.batch_size)
    validation = _part(at, "val", validated)
    run = at.of.run
    return list(fit(state, (short,), train, validation, run.augmentation, run.seeds.at_end, at.kernels)), state


def _evaluation(at: Ready, folder: Path) -> _Epoch:
    """Time the evaluation of a network that is not trained."""
    network, validation = at.network, _part(at, "val", BATCH)
    evaluate(network, validation, None, at.kernels)
    began = perf_counter()
    evaluate(network, validation, None, at.kernels)
    sample = (perf_counter() - began) / len(validation.labels_N)
    save, size = _saved(at, TrainingState(network), folder)
    return _Epoch(0.0, sample, save, size, ())


def _training_seconds(record: EpochRecord, images: int) -> float:
    return images / record.images_per_second


def _part(at: Ready, name: str, count: int) -> Samples:
    """Return up to so many samples of a split, drawn at random."""
    split = at.data.splits[name]
    rows_N = np.random.default_rng(0).permutation(len(split.labels_N))[:count]
    return at.data.of_split(split.rows(rows_N), at.device)


def _saved(at: Ready, state: TrainingState, folder: Path) -> tuple[float, int]:
    """Return the seconds that a checkpoint takes, and its bytes."""
    run = at.of.run
    identity = RunIdentity(run.key, at.data.dataset.digest, run.regime, run.seeds, at.data.info)
    began = perf_counter()
    path = checkpoint.save(folder, state, identity)
    return perf_counter() - began, path.stat().st_size


def _write_predictions(at: Ready, folder: Path) -> int:
    """Write predictions of random logits, which no compression shortens, on all splits; return their bytes."""
    run, data, size = at.of.run, at.data, 0
    final = network_in(copy.deepcopy(at.network), run.regime[at.of.phase or 0 :], run.seeds)
    cost_E = mul_adds_of_copy(final, data.dataset.image_shape)
    drawn = np.random.default_rng(0)
    for name in data.splits.keys() - {"train"}:
        split = data.splits[name]
        shape = len(cost_E), len(split.labels_N), len(data.classes)
        path = folder / f"{name}.parquet"
        Predictions.from_logits(
            drawn.normal(scale=3.0, size=shape).astype(np.float32),
            labels_N=split.labels_N,
            ids_N=split.ids_N,
            levels_N=split.levels_N,
            level_names=data.dataset.levels,
            cost_E=np.array(cost_E, dtype=np.int64),
            fingerprint=f"run {run.key} data {data.dataset.digest}",
            split=name,
            keep_logits=run.keep_logits or run.policy is not None or name == "val",
        ).write(path)
        size += path.stat().st_size
    return size


def _stand_in_data(run: RunDefinition, data_root: Path | None) -> RunData:
    """Return data as a policy network has them, without results of its main network: every sample has a label.

    The real ones leave out samples that no exit has right, so there are rather fewer.
    """
    assert run.policy is not None
    assert run.chooses_for is not None
    dataset = load_dataset(run.dataset, data_root)
    of_main = splits_of(dataset, run.chooses_for)
    source = _labelled(of_main["train" if run.policy.labels.source == "training" else "val"], len(run.policy.exits))
    rows = split_validation(len(source.labels_N), run.validation, generator(run.seeds, "split"))
    test = _labelled(of_main["test"], len(run.policy.exits))
    splits = {"train": source.rows(rows.train_N), "val": source.rows(rows.validation_N), "test": test, EVERYTHING: test}
    return RunData(dataset, splits, tuple(f"exit {exit}" for exit in run.policy.exits))


def _labelled(split: Split, n_classes: int) -> Split:
    labels_N = np.arange(len(split.labels_N), dtype=np.int64) % n_classes
    return Split(split.images_NKHW, labels_N, split.levels_N, split.ids_N)
