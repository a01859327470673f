"""The data of a run: the splits that its network is trained, validated and tested on.

A policy network has the images of its main network's data set, labelled with exits (thesis section 4.2).
"""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from overthink.data.batches import Samples
from overthink.data.catalogue import DatasetSpec, load_dataset
from overthink.data.dataset import Dataset, Split
from overthink.data.image_tree import MOST_NAMED
from overthink.data.splits import split_validation
from overthink.definition.run_definition import RunDefinition
from overthink.networks.cost import mul_adds
from overthink.networks.kernels import Kernels
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.policy.early_exit_data import early_exit_split, shuffled
from overthink.predictions.course import Course
from overthink.predictions.predictions import Predictions
from overthink.running.kernels import kernels_of
from overthink.running.run_files import EVERYTHING, LABELLED_BY, MAIN
from overthink.seeds import generator
from overthink.training.checkpoint import DataInfo, load_trained
from overthink.training.evaluate import logits_of
from overthink.training.phases import blank_network
from overthink.training.record_spec import RecordSpec
from overthink.training.recording import Recorder, check_room
from overthink.training.regime import OWN_CHECKPOINT

LEAST_TRAINED_ON = 2
"""Training images: BatchNorm cannot normalise a batch of one."""


class RunData(NamedTuple):
    """A data set and the splits that a run makes of it."""

    dataset: Dataset
    splits: dict[str, Split]
    """train, val and test; of a policy network also everything."""
    classes: tuple[str, ...]
    """Names of the classes, by label."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know before the data are trained on, a sentence each."""
        present = np.unique(self.splits["train"].labels_N)
        absent = [name for label, name in enumerate(self.classes) if label not in present]
        if not absent:
            return self.dataset.notes
        named = ", ".join(absent[:MOST_NAMED]) + (", ..." if len(absent) > MOST_NAMED else "")
        return (
            *self.dataset.notes,
            f"{len(absent)} of {len(self.classes)} classes have none of the {len(self.splits['train'].labels_N)} "
            f"training images that the validation split leaves: {named}",
        )

    @property
    def info(self) -> DataInfo:
        """Normalisation and class names, stored with the trained network."""
        return data_info(self.dataset, self.classes)

    def samples(self, name: str, device: torch.device) -> Samples:
        """Return a split as tensors on a device."""
        return self.of_split(self.splits[name], device)

    def of_split(self, split: Split, device: torch.device) -> Samples:
        """Return samples of this data set as tensors on a device."""
        mean_K, std_K = self.dataset.pixel_statistics
        return Samples(
            images_NKHW=torch.from_numpy(split.images_NKHW).to(device),
            labels_N=torch.from_numpy(split.labels_N).to(device),
            mean_K=torch.tensor(mean_K, dtype=torch.float32, device=device),
            std_K=torch.tensor(std_K, dtype=torch.float32, device=device),
        )


def run_data(run: RunDefinition, folder: Path, device: torch.device, data_root: Path | None = None) -> RunData:
    """Load the data of a run; a policy network's folder holds results of its main network in MAIN and LABELLED_BY.

    Raises ValueError where the data, or the main network's checkpoint or predictions, do not fit.
    """
    dataset = _dataset(run.dataset, data_root)
    if run.chooses_for is None:
        data = _of_network(dataset, run)
    else:
        data = _of_policy_network(dataset, run, run.chooses_for, folder, device)
    if (count := len(data.splits["train"].labels_N)) < LEAST_TRAINED_ON:
        raise ValueError(
            f"{count} training image is left after the validation split (validation: {run.validation}), but at least "
            f"{LEAST_TRAINED_ON} are needed: BatchNorm normalises over the images of a batch"
        )
    return data


def splits_of(dataset: Dataset, run: RunDefinition) -> dict[str, Split]:
    """Return train, val and test of a multi-exit network."""
    rows = split_validation(len(dataset.train.labels_N), run.validation, generator(run.seeds, "split"))
    return {
        "train": dataset.train.rows(rows.train_N),
        "val": dataset.train.rows(rows.validation_N).with_more(dataset.validation),
        "test": dataset.test,
    }


def data_info(dataset: Dataset, classes: tuple[str, ...] | None = None) -> DataInfo:
    """Return normalisation and class names, by default the data set's."""
    mean_K, std_K = dataset.pixel_statistics
    return DataInfo(mean=tuple(map(float, mean_K)), std=tuple(map(float, std_K)), classes=classes or dataset.classes)


def predict(
    network: MultiExitNetwork,
    run: RunDefinition,
    data: RunData,
    name: str,
    cost_E: tuple[int, ...],
    device: torch.device,
    kernels: Kernels,
) -> Predictions:
    """Return the predictions of a run's network on one of the run's splits; cost_E is the network's MUL-ADDs."""
    split = data.splits[name]
    return Predictions.from_logits(
        logits_of(network, data.samples(name, device), kernels).numpy(),
        labels_N=split.labels_N,
        ids_N=split.ids_N,
        levels_N=split.levels_N,
        level_names=data.dataset.levels,
        cost_E=np.array(cost_E, dtype=np.int64),
        fingerprint=_fingerprint(run, data.dataset),
        split=name,
        keep_logits=run.keep_logits or run.policy is not None or name == "val",  # temperatures are fitted on these
    )


def recorder_of(run: RunDefinition, data: RunData, device: torch.device) -> Recorder | None:
    """Return what records the answers that a run asks for; None where it asks for none.

    Raises ValueError for ids that the run's data do not have, and where there would be too much to keep.
    """
    if (spec := run.record) is None:
        return None
    split, rows_N = data.splits[spec.samples], _recorded_rows(spec, data)
    check_room(spec, run.regime, len(data.splits["train"].labels_N), run.network.blocks, len(rows_N))
    samples = data.of_split(split.rows(rows_N), device)
    return Recorder(spec, samples, rows_N if spec.samples == "val" else None)


def course_of(recorder: Recorder, run: RunDefinition, data: RunData) -> Course:
    """Return what a run has recorded."""
    assert run.record is not None
    ids_N = data.splits[run.record.samples].ids_N[_recorded_rows(run.record, data)]
    return recorder.course(run.record.samples, _fingerprint(run, data.dataset), ids_N)


def _recorded_rows(spec: RecordSpec, data: RunData) -> NDArray[np.int64]:
    """Return the rows of the recorded samples in their split, ascending."""
    ids_N = data.splits[spec.samples].ids_N
    if spec.ids is None:
        return np.arange(len(ids_N))
    if missing := {*spec.ids} - {*ids_N.tolist()}:
        raise ValueError(f"record.ids: {min(missing)} is not among the {len(ids_N)} {spec.samples} samples of this run")
    return np.flatnonzero(np.isin(ids_N, spec.ids))


def _of_network(dataset: Dataset, run: RunDefinition) -> RunData:
    return RunData(dataset, splits_of(dataset, run), dataset.classes)


def _of_policy_network(
    dataset: Dataset, run: RunDefinition, main: RunDefinition, folder: Path, device: torch.device
) -> RunData:
    assert run.policy is not None
    labels, main_data = run.policy.labels, _of_network(dataset, main)
    if labels.source == "training":
        source, predictions = main_data.splits["train"], _on_training_data(main, main_data, folder / MAIN, device)
    else:
        source, predictions = main_data.splits["val"], _stored(folder / MAIN / "val.parquet", main, dataset)

    def averaged(split: str) -> list[Predictions]:
        trainings = folder / LABELLED_BY
        return [_stored(trainings / of.key / f"{split}.parquet", of, dataset) for of in run.labelled_by]

    labelled = early_exit_split(source, predictions, labels, f"{labels.source} data", averaged("val"))
    if labels.permuted:
        labelled = shuffled(labelled, generator(run.seeds, "split", 1))
    rows = split_validation(len(labelled.labels_N), run.validation, generator(run.seeds, "split"))
    test, of_test = main_data.splits["test"], _stored(folder / MAIN / "test.parquet", main, dataset)
    splits = {
        "train": labelled.rows(rows.train_N),
        "val": labelled.rows(rows.validation_N),
        "test": early_exit_split(test, of_test, labels, "test data", averaged("test")),
        EVERYTHING: Split(test.images_NKHW, np.zeros_like(test.labels_N), test.levels_N, test.ids_N),
    }
    return RunData(dataset, splits, tuple(f"exit {exit}" for exit in run.policy.exits))


def _stored(path: Path, main: RunDefinition, dataset: Dataset) -> Predictions:
    predictions, expected = Predictions.read(path), _fingerprint(main, dataset)
    if predictions.fingerprint != expected:
        raise ValueError(
            f"{path} holds predictions of {predictions.fingerprint!r}, but the policy network's main network is "
            f"{expected!r}"
        )
    return predictions


def _on_training_data(main: RunDefinition, data: RunData, folder: Path, device: torch.device) -> Predictions:
    shape = data.dataset.image_shape
    network = blank_network(main.network, main.regime, shape, len(data.classes), main.seeds)
    load_trained(folder / OWN_CHECKPOINT, network, main.key)
    return predict(network.to(device), main, data, "train", mul_adds(network, shape), device, kernels_of(main, device))


def _fingerprint(run: RunDefinition, dataset: Dataset) -> str:
    return f"run {run.key} data {dataset.digest}"


@lru_cache(maxsize=1)  # a worker process trains many seeds on one data set
def _dataset(spec: DatasetSpec, data_root: Path | None) -> Dataset:
    return load_dataset(spec, data_root)
