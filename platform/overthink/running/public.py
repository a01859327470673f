"""What `import overthink` gives of trained networks: opening the one of a stored run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from overthink.data.batches import Samples
from overthink.data.catalogue import load_dataset
from overthink.data.dataset import Split
from overthink.definition.run_definition import RunDefinition, parse_run
from overthink.networks.multi_exit import MultiExitNetwork
from overthink.running.restored import restored
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.public import RunName, StoreName, run_id_of, uri_of
from overthink.training.checkpoint import DataInfo
from overthink.training.regime import OWN_CHECKPOINT


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network with what its images need: how they are read and normalised, and what its classes are."""

    definition: RunDefinition
    """What it was trained by."""
    network: MultiExitNetwork
    """In eval mode; takes normalised images."""
    inputs: DataInfo
    """Mean and standard deviation of the training images per channel, as fractions of 255; names of classes."""

    def normalise(self, images_BKHW: Tensor) -> Tensor:
        """Return uint8 images (B, channels, height, width) as float32 images with the training set's statistics."""
        mean_K, std_K = torch.tensor(self.inputs.mean), torch.tensor(self.inputs.std)
        return Samples(images_BKHW, torch.empty(0), mean_K, std_K).normalise(images_BKHW)

    def logits(self, images_BKHW: Tensor) -> Tensor:
        """Return the logits (E, B, C) of every exit for uint8 images; no gradients are kept."""
        with torch.no_grad():
            return torch.stack(self.network(self.normalise(images_BKHW)))

    def test_set(self, data_root: Path | None = None) -> Split:
        """Return the test samples of the data set that it was trained on: uint8 images, labels, ids.

        Raises ValueError where the data set is not in `data_root` (by default OVERTHINK_DATA).
        """
        return load_dataset(self.definition.dataset, data_root).test

    def read_images(self, files: Sequence[Path]) -> Tensor:
        """Return image files as uint8 images of the data set's shape."""
        return torch.from_numpy(np.stack([self.definition.dataset.read_image(file) for file in files]))


def open_network(run: RunName, store: StoreName = None, data_root: Path | None = None) -> TrainedNetwork:
    """Return the trained network of a stored run.

    Args:
        run: The run's MLflow id, or a row of the frame that `runs` returns.
        store: A tracking URI or an SQLite file; by default MLFLOW_TRACKING_URI, else `mlflow.db` here.
        data_root: Folder of downloaded data sets, needed only for checkpoints of the earliest versions.

    Returns:
        The network in eval mode, with its definition and the normalisation of its images.

    Raises:
        ValueError: The checkpoint cannot be read, or is another run's.
        StoreError: The store does not answer, or has no such checkpoint.

    Example:
        >>> import overthink, torch
        >>> frame = overthink.runs(definitions="small")
        >>> trained = overthink.open_network(frame.query("group == 'small: long' and seed == '0'").iloc[0])
        >>> images = torch.zeros((2, *trained.definition.dataset.input_shape), dtype=torch.uint8)
        >>> trained.logits(images).shape  # exits, images, classes
        torch.Size([3, 2, 10])
    """
    run_id, opened = run_id_of(run), Store(uri_of(store))
    with TemporaryDirectory() as folder:
        text = opened.artifact(run_id, tags.DEFINITION_FILE, Path(folder)).read_text()
        checkpoint = opened.artifact(run_id, f"checkpoint/{OWN_CHECKPOINT}", Path(folder))
        definition = parse_run(text, f"{tags.DEFINITION_FILE} of run {run_id}")
        return TrainedNetwork(definition, *restored(definition, checkpoint, data_root))
