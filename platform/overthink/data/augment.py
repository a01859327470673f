"""Augmentation of whole batches. torch is imported where it is used, so that definitions load without it."""

from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from overthink.spec import Spec

if TYPE_CHECKING:
    from torch import Tensor


class AugmentSpec(Spec):
    """Random augmentation of a training image in each epoch. Validation and test images are never augmented."""

    pad: Annotated[int, Field(ge=0, le=64)] = 0
    """Padding in zero pixels on each side, before a random crop to the original size (the paper: 4 on CIFAR)."""
    flip: bool = False
    """Mirror horizontally with probability 1/2 (not for digits)."""


def augmented(images_BKHW: "Tensor", augment: AugmentSpec, rng: np.random.Generator) -> "Tensor":
    """Return uint8 images (B, K, H, W), each with its own random crop and flip."""
    from torch.nn import functional

    if not augment.pad and not augment.flip:
        return images_BKHW
    batch, _, height, width = images_BKHW.shape
    top_B, left_B = rng.integers(0, 2 * augment.pad + 1, size=(2, batch))
    flip_B = rng.random(batch) < 0.5 if augment.flip else np.zeros(batch, dtype=bool)
    rows_BH = top_B[:, None] + np.arange(height)
    columns_BW = left_B[:, None] + np.where(flip_B[:, None], np.arange(width)[::-1], np.arange(width))
    padded_BKHW = functional.pad(images_BKHW, [augment.pad] * 4)
    return _gather(padded_BKHW, rows_BH, columns_BW)


def _gather(images_BKHW: "Tensor", rows_BH: NDArray[np.int64], columns_BW: NDArray[np.int64]) -> "Tensor":
    import torch

    device = images_BKHW.device
    sample_B = torch.arange(len(images_BKHW), device=device)
    channel_K = torch.arange(images_BKHW.shape[1], device=device)
    rows = torch.from_numpy(rows_BH).to(device)[:, None, :, None]
    columns = torch.from_numpy(columns_BW).to(device)[:, None, None, :]
    return images_BKHW[sample_B[:, None, None, None], channel_K[None, :, None, None], rows, columns]
