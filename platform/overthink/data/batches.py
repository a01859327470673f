"""Batches of tensors that are on the device already: no loader processes, no Python loop over samples."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from overthink.data.augment import AugmentSpec, augmented


class Samples(NamedTuple):
    """Images and labels on one device, with the statistics that normalise the images."""

    images_NKHW: Tensor
    """uint8."""
    labels_N: Tensor
    """int64."""
    mean_K: Tensor
    """Mean of the training images per channel, as a fraction of 255."""
    std_K: Tensor
    """Standard deviation of the training images per channel, as a fraction of 255."""

    def batch(self, rows_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return the normalised images (float32) and the labels of some rows."""
        return self.normalise(self.images_NKHW[rows_B]), self.labels_N[rows_B]

    def normalise(self, images_BKHW: Tensor) -> Tensor:
        """Return uint8 images as float32 of mean 0 and deviation 1 per channel."""
        scale_K = 1.0 / (255.0 * self.std_K)
        return images_BKHW.float() * scale_K[:, None, None] - (self.mean_K / self.std_K)[:, None, None]


def n_batches(n_samples: int, batch_size: int) -> int:
    """Return how many batches an epoch has.

    >>> n_batches(8, 4), n_batches(9, 4), n_batches(10, 4)
    (2, 2, 3)
    """
    return n_samples // batch_size + (n_samples % batch_size > 1)


def training_batches(
    samples: Samples,
    batch_size: int,
    augment: AugmentSpec,
    order: np.random.Generator,
    augmentation: np.random.Generator,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield one epoch of shuffled, augmented batches: images (B, K, H, W) float32 and labels (B,).

    `order` shuffles the samples, `augmentation` draws crops and flips: all of an epoch's before its first batch, so
    that no batch waits for a GPU. The last batch may be smaller; a last batch of one sample is left out, since
    BatchNorm cannot normalise it.
    """
    device = samples.images_NKHW.device
    order_N = torch.from_numpy(order.permutation(len(samples.labels_N))).to(device)
    batches = [rows_B for rows_B in order_N.split(batch_size) if len(rows_B) > 1]
    sizes = [len(rows_B) for rows_B in batches]
    drawn = [np.empty((3, 0), np.int64), *(augment.drawn(size, augmentation) for size in sizes)]
    drawn_3N = torch.from_numpy(np.concatenate(drawn, axis=1)).to(device)
    for rows_B, drawn_3B in zip(batches, drawn_3N.split(sizes, dim=1), strict=True):
        images_BKHW = augmented(samples.images_NKHW[rows_B], augment, drawn_3B)
        yield samples.normalise(images_BKHW), samples.labels_N[rows_B]
