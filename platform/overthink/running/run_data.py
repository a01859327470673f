"""What a run learns from and is tested on: parts of its data set; for a policy network, labelled by exits."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from overthink.data.batches import Samples
from overthink.data.catalogue import DatasetSpec, load_dataset
from overthink.data.dataset import Dataset, Split
from overthink.data.splits import split_validation
from overthink.definition.run_definition import RunDefinition
from overthink.networks.cost import mul_adds
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.policy.early_exit_data import early_exit_split, shuffled
from overthink.predictions.predictions import Predictions
from overthink.seeds import generator
from overthink.training.checkpoint import Inputs, load_trained
from overthink.training.evaluate import logits_of
from overthink.training.phases import blank_network
from overthink.training.regime import OWN_CHECKPOINT

MAIN = "main"
"""In a policy run's folder: a folder with what the run of its main network left behind."""
EVERYTHING = "everything"
"""The part that a policy network is asked about beside its own: all test samples of its main network."""


class RunData(NamedTuple):
    """A run's data, in parts: train, val and test; for a policy network also everything."""

    dataset: Dataset
    parts: dict[str, Split]
    classes: tuple[str, ...]
    """What labels mean."""

    @property
    def inputs(self) -> Inputs:
        """What a network trained on it needs to be used without it."""
        return inputs_of(self.dataset, self.classes)

    def samples(self, name: str, device: torch.device) -> Samples:
        """Return a part as tensors on a device."""
        return _samples(self.parts[name], self.dataset, device)


def run_data(run: RunDefinition, folder: Path, device: torch.device, data_root: Path | None = None) -> RunData:
    """Load what a run learns from; a policy run's folder holds what its main network left.

    Raises ValueError where the data, or what the main network left, does not fit.
    """
    dataset = _dataset(run.dataset, data_root)
    if run.chooses_for is None:
        return RunData(dataset, parts_of(dataset, run), dataset.classes)
    return _early_exit_material(dataset, run, run.chooses_for, folder / MAIN, device)


def parts_of(dataset: Dataset, run: RunDefinition) -> dict[str, Split]:
    """Return what a multi-exit network learns from, is validated on and tested on."""
    rows = split_validation(len(dataset.train.labels_N), run.validation, generator(run.seeds, "split"))
    return {
        "train": dataset.train.rows(rows.train_N),
        "val": dataset.train.rows(rows.validation_N).with_more(dataset.validation),
        "test": dataset.test,
    }


def inputs_of(dataset: Dataset, classes: tuple[str, ...] | None = None) -> Inputs:
    """Return what a network trained on a data set needs to be used without it."""
    mean_K, std_K = dataset.pixel_statistics
    return Inputs(mean=tuple(map(float, mean_K)), std=tuple(map(float, std_K)), classes=classes or dataset.classes)


def _early_exit_material(
    dataset: Dataset, run: RunDefinition, main: RunDefinition, left: Path, device: torch.device
) -> RunData:
    assert run.policy is not None
    spec, of_main = run.policy.labels, parts_of(dataset, main)
    test = _stored(left / "test.parquet", main, dataset)
    if spec.source == "training":
        source, said = (
            of_main["train"],
            _on_training_data(main, of_main["train"], dataset, left, device),
        )
    else:
        source, said = of_main["val"], _stored(left / "val.parquet", main, dataset)
    learns = early_exit_split(source, said, spec, f"{spec.source} data")
    if spec.permuted:
        learns = shuffled(learns, generator(run.seeds, "split", 1))
    rows = split_validation(len(learns.labels_N), run.validation, generator(run.seeds, "split"))
    parts = {
        "train": learns.rows(rows.train_N),
        "val": learns.rows(rows.validation_N),
        "test": early_exit_split(of_main["test"], test, spec, "test data"),
        EVERYTHING: _unlabelled(of_main["test"]),
    }
    return RunData(dataset, parts, tuple(f"exit {exit}" for exit in run.policy.exits))


def _unlabelled(part: Split) -> Split:
    return Split(part.images_NKHW, np.zeros_like(part.labels_N), part.levels_N, part.ids_N)


def _stored(path: Path, main: RunDefinition, dataset: Dataset) -> Predictions:
    predictions = Predictions.read(path)
    if predictions.fingerprint != fingerprint(main, dataset):
        raise ValueError(
            f"{path} holds predictions of {predictions.fingerprint!r}, but the policy network chooses exits of "
            f"{fingerprint(main, dataset)!r}"
        )
    return predictions


def _on_training_data(
    main: RunDefinition, part: Split, dataset: Dataset, left: Path, device: torch.device
) -> Predictions:
    network = blank_network(main.network, main.regime, dataset.image_shape, len(dataset.classes), main.seeds)
    load_trained(left / OWN_CHECKPOINT, network, main.key)
    network, samples = network.to(device), _samples(part, dataset, device)
    return predict(network, samples, part, dataset, main, "train", mul_adds(network, dataset.image_shape))


def predict(
    network: MultiExitNetwork,
    samples: Samples,
    part: Split,
    dataset: Dataset,
    run: RunDefinition,
    split: str,
    cost_E: tuple[int, ...],
) -> Predictions:
    """Return what a run's network says about a part of its data."""
    return Predictions.from_logits(
        logits_of(network, samples).numpy(),
        labels_N=part.labels_N,
        ids_N=part.ids_N,
        levels_N=part.levels_N,
        level_names=dataset.levels,
        cost_E=np.array(cost_E, dtype=np.int64),
        fingerprint=fingerprint(run, dataset),
        split=split,
        keep_logits=run.keep_logits or run.policy is not None,
    )


def fingerprint(run: RunDefinition, dataset: Dataset) -> str:
    """Return what predictions say made them."""
    return f"run {run.key} data {dataset.digest}"


@lru_cache(maxsize=1)  # a worker trains many seeds on one data set
def _dataset(spec: DatasetSpec, data_root: Path | None) -> Dataset:
    return load_dataset(spec, data_root)


def _samples(part: Split, dataset: Dataset, device: torch.device) -> Samples:
    mean_K, std_K = dataset.pixel_statistics
    return Samples(
        images_NKHW=torch.from_numpy(part.images_NKHW).to(device),
        labels_N=torch.from_numpy(part.labels_N).to(device),
        mean_K=torch.tensor(mean_K, dtype=torch.float32, device=device),
        std_K=torch.tensor(std_K, dtype=torch.float32, device=device),
    )
