"""Trained networks of stored runs, restored from the run's definition and checkpoint."""

from pathlib import Path
from typing import NamedTuple

from overthink.data.catalogue import load_dataset
from overthink.data.digits import default_root
from overthink.definition.run_definition import RunDefinition
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.running.run_data import data_info
from overthink.training.checkpoint import CheckpointInfo, DataInfo, load_trained
from overthink.training.phases import blank_network


class Restored(NamedTuple):
    """A trained network in its final form, in eval mode, with the normalisation of its images and its class names."""

    network: MultiExitNetwork
    data_info: DataInfo


def restored(run: RunDefinition, path: Path, data_root: Path | None = None) -> Restored:
    """Return the network of a run from its checkpoint file.

    Checkpoints of early versions do not contain the normalisation, which is then computed from the data set. Raises
    ValueError naming the file where the checkpoint is unreadable or another run's, or where that data set is missing.
    """
    shape, n_classes = run.dataset.input_shape, run.n_classes
    network = blank_network(run.network, run.regime, shape, n_classes, run.seeds).eval()
    checkpoint = load_trained(path, network, run.key)
    info = checkpoint.data_info or _info_from_data(run, checkpoint, data_root)
    sizes = len(info.mean), len(info.std), len(info.classes)
    if sizes != (shape[0], shape[0], n_classes):
        raise ValueError(f"checkpoint {path}: {sizes} means, deviations and classes for {shape[0]} channels")
    return Restored(network, info)


def _info_from_data(run: RunDefinition, checkpoint: CheckpointInfo, data_root: Path | None) -> DataInfo:
    root = data_root or default_root()
    if not run.dataset.is_here(root):
        raise ValueError(
            f"this run's checkpoint is of an early version and lacks the normalisation of images, and its data set, "
            f"{run.dataset.kind}, from which it could be computed, is not in {root}"
        )
    dataset = load_dataset(run.dataset, data_root)
    if checkpoint.data_digest and checkpoint.data_digest != dataset.digest:
        raise ValueError(
            f"the run was trained on other data (SHA-256 {checkpoint.data_digest[:12]}...) than {root} holds "
            f"({dataset.digest[:12]}...)"
        )
    return data_info(dataset)
