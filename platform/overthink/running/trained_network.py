"""Trained networks of stored runs, restored from the run's definition and checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from overthink.data.batches import Samples
from overthink.data.catalogue import load_dataset
from overthink.data.dataset import Split
from overthink.data.digits import default_root
from overthink.definition.run_definition import RunDefinition
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.running.run_data import data_info
from overthink.training.checkpoint import CheckpointInfo, DataInfo, load_trained
from overthink.training.phases import blank_network


@dataclass(frozen=True)
class TrainedNetwork:
    """The network that a run trained, with what its images need."""

    definition: RunDefinition
    network: MultiExitNetwork
    """In its final form and in eval mode; takes normalised images."""
    data_info: DataInfo
    """Normalisation of images, and names of classes."""

    def test_set(self, data_root: Path | None = None) -> Split:
        """Return the test samples that it was evaluated on; raises ValueError where the data set is not here."""
        return load_dataset(self.definition.dataset, data_root).test

    def read_images(self, files: Sequence[Path]) -> Tensor:
        """Return image files as uint8 images (B, K, H, W) of the data set's shape; raises ValueError naming a file."""
        return torch.from_numpy(np.stack([self.definition.dataset.read_image(file) for file in files]))

    def normalise(self, images_BKHW: Tensor) -> Tensor:
        """Return uint8 images as float32, normalised as in training."""
        mean_K, std_K = torch.tensor(self.data_info.mean), torch.tensor(self.data_info.std)
        return Samples(images_BKHW, torch.empty(0), mean_K, std_K).normalise(images_BKHW)

    def logits(self, images_BKHW: Tensor) -> Tensor:
        """Return the logits (E, B, C) of every exit for uint8 images; raises ValueError for others."""
        shape = tuple(self.definition.dataset.input_shape)
        if images_BKHW.dtype != torch.uint8 or tuple(images_BKHW.shape[1:]) != shape:
            found = f"{images_BKHW.dtype} of shape {tuple(images_BKHW.shape)}".removeprefix("torch.")
            raise ValueError(f"expected uint8 images (0 to 255) of shape (B, {str(shape)[1:-1]}), got {found}")
        with torch.no_grad():
            return torch.stack(self.network(self.normalise(images_BKHW)))


def restored(run: RunDefinition, path: Path, data_root: Path | None = None) -> TrainedNetwork:
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
    return TrainedNetwork(run, network, info)


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
