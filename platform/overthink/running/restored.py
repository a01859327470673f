"""Networks of stored runs, ready to be used: from the definition and the checkpoint that a run leaves behind."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from overthink.data.batches import Samples
from overthink.data.catalogue import load_dataset
from overthink.data.digits import default_root
from overthink.definition.keys import run_key
from overthink.definition.run_definition import RunDefinition
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.running.run_data import inputs_of
from overthink.training.checkpoint import Inputs, Trained, load_trained
from overthink.training.phases import blank_network


class Restored(NamedTuple):
    """A trained network in its final form, in eval mode, and what its images are."""

    network: MultiExitNetwork
    inputs: Inputs

    def normalise(self, images_NKHW: Tensor) -> Tensor:
        """Return uint8 images as float32, normalised as in training."""
        mean_K, std_K = torch.tensor(self.inputs.mean), torch.tensor(self.inputs.std)
        return Samples(images_NKHW, torch.empty(0), mean_K, std_K).normalise(images_NKHW)


def restored(run: RunDefinition, path: Path, data_root: Path | None = None) -> Restored:
    """Return the network that a run trained, from its last checkpoint; the data set is needed for old ones only.

    Raises ValueError naming the file where a checkpoint is unreadable or another run's, and where it does not say how
    images are normalised and the data set is not here to tell.
    """
    shape, n_classes = run.dataset.input_shape, run.n_classes
    network = blank_network(run.network, run.regime, shape, n_classes, run.seeds).eval()
    trained = load_trained(path, network, run_key(run))
    inputs = trained.inputs or _inputs_of_data(run, trained, data_root)
    sizes = len(inputs.mean), len(inputs.std), len(inputs.classes)
    if sizes != (shape[0], shape[0], n_classes):
        raise ValueError(f"checkpoint {path}: {sizes} means, deviations and classes for {shape[0]} channels")
    return Restored(network, inputs)


def _inputs_of_data(run: RunDefinition, trained: Trained, data_root: Path | None) -> Inputs:
    root = data_root or default_root()
    if not run.dataset.is_here(root):
        raise ValueError(
            f"this run's checkpoint is from before checkpoints kept how images are normalised, and its data set, "
            f"{run.dataset.kind}, is not in {root} to tell"
        )
    dataset = load_dataset(run.dataset, data_root)
    if trained.data_digest and trained.data_digest != dataset.digest:
        raise ValueError(
            f"the run was trained on other data (SHA-256 {trained.data_digest[:12]}...) than {root} holds "
            f"({dataset.digest[:12]}...)"
        )
    return inputs_of(dataset)
