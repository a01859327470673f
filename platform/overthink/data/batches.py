"""Batches and augmentation, vectorised on tensors that already lie on the device: no workers, no per-sample Python."""

from collections.abc import Iterator
from typing import Annotated, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from overthink.spec import Spec


class AugmentSpec(Spec):
    """What happens to a training image each time it is seen. Validation and test images are never augmented."""

    pad: Annotated[int, Field(ge=0, le=64)] = 0
    """Zero pixels put around the image before a random crop back to its size (the paper: 4 on CIFAR)."""
    flip: bool = False
    """Mirror left and right with probability 1/2 (never for digits)."""


class Samples(NamedTuple):
    """Images and labels resident on one device, with what normalises the images."""

    images_NKHW: Tensor
    """uint8."""
    labels_N: Tensor
    """int64."""
    mean_K: Tensor
    """Mean of the training images per channel, as a fraction of 255."""
    std_K: Tensor
    """Standard deviation of the same."""

    def batch(self, rows_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return the normalised images (float32) and the labels of some rows."""
        return self.normalise(self.images_NKHW[rows_B]), self.labels_N[rows_B]

    def normalise(self, images_BKHW: Tensor) -> Tensor:
        """Return uint8 images as float32 of mean 0 and deviation 1 per channel."""
        scale_K = 1.0 / (255.0 * self.std_K)
        return images_BKHW.float() * scale_K[:, None, None] - (self.mean_K / self.std_K)[:, None, None]


def training_batches(
    samples: Samples,
    batch_size: int,
    augment: AugmentSpec,
    order: np.random.Generator,
    chance: np.random.Generator,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield one epoch of shuffled, augmented batches: images (B, K, H, W) float32 and labels (B,).

    The last batch may be smaller; a last batch of a single sample is left out, since BatchNorm cannot normalise it.
    """
    device = samples.images_NKHW.device
    order_N = torch.from_numpy(order.permutation(len(samples.labels_N))).to(device)
    for rows_B in order_N.split(batch_size):
        if len(rows_B) > 1:
            images_BKHW = augmented(samples.images_NKHW[rows_B], augment, chance)
            yield samples.normalise(images_BKHW), samples.labels_N[rows_B]


def augmented(images_BKHW: Tensor, augment: AugmentSpec, chance: np.random.Generator) -> Tensor:
    """Return uint8 images, each with its own random crop and flip."""
    if not augment.pad and not augment.flip:
        return images_BKHW
    batch, _, height, width = images_BKHW.shape
    top_B, left_B = chance.integers(0, 2 * augment.pad + 1, size=(2, batch))
    flip_B = chance.random(batch) < 0.5 if augment.flip else np.zeros(batch, dtype=bool)
    rows_BH = top_B[:, None] + np.arange(height)
    columns_BW = left_B[:, None] + np.where(flip_B[:, None], np.arange(width)[::-1], np.arange(width))
    padded_BKHW = functional.pad(images_BKHW, [augment.pad] * 4)
    return _gather(padded_BKHW, rows_BH, columns_BW)


def _gather(images_BKHW: Tensor, rows_BH: NDArray[np.int64], columns_BW: NDArray[np.int64]) -> Tensor:
    device = images_BKHW.device
    sample_B = torch.arange(len(images_BKHW), device=device)
    channel_K = torch.arange(images_BKHW.shape[1], device=device)
    rows = torch.from_numpy(rows_BH).to(device)[:, None, :, None]
    columns = torch.from_numpy(columns_BW).to(device)[:, None, None, :]
    return images_BKHW[sample_B[:, None, None, None], channel_K[None, :, None, None], rows, columns]
