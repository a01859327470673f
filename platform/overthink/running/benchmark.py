"""The images on which a trained network's speed is measured."""

from pathlib import Path

import torch
from torch import Tensor

from overthink.data.catalogue import load_dataset
from overthink.data.digits import default_root
from overthink.running.trained_network import TrainedNetwork

FEWEST = 100
"""Images, so that the exit distributions are met with small batches, too."""


def image_count(batch: int) -> int:
    """Return the number of images to measure a batch size with: whole batches, at least `FEWEST` images."""
    return -(-max(FEWEST, batch) // batch) * batch


def benchmark_images(trained: TrainedNetwork, count: int, data_root: Path | None) -> tuple[Tensor, str]:
    """Return normalised images (count, K, H, W) and a description of them.

    Test images, repeated from the first where there are too few; noise where the data set is not on this machine.
    """
    dataset = trained.definition.dataset
    if dataset.is_here(data_root or default_root()):
        test = load_dataset(dataset, data_root).test
        rows = torch.arange(count) % len(test.images_NKHW)
        return trained.normalise(torch.from_numpy(test.images_NKHW)[rows]), "test images"
    noise = torch.Generator().manual_seed(0)
    noise_NKHW = torch.randint(0, 256, (count, *dataset.input_shape), dtype=torch.uint8, generator=noise)
    return trained.normalise(noise_NKHW), "noise (data set not found)"
