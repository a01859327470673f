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

    def drawn(self, batch: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the first row, the first column and the flip (0 or 1) of the crop of each image of a batch, (3, B)."""
        crop_2B = rng.integers(0, 2 * self.pad + 1, size=(2, batch))
        flip_B = rng.random(batch) < 0.5 if self.flip else np.zeros(batch)
        return np.vstack([crop_2B, flip_B]).astype(np.int64)


def augmented(images_BKHW: "Tensor", augment: AugmentSpec, drawn_3B: "Tensor") -> "Tensor":
    """Return uint8 images (B, K, H, W), each with the crop and flip that were drawn for it, on the same device."""
    import torch
    from torch.nn import functional

    if not augment.pad and not augment.flip:
        return images_BKHW
    batch, channels, height, width = images_BKHW.shape
    device = images_BKHW.device
    top_B, left_B, flip_B = drawn_3B
    across_W = torch.arange(width, device=device)
    rows_BH = top_B[:, None] + torch.arange(height, device=device)
    columns_BW = left_B[:, None] + torch.where(flip_B[:, None] == 1, across_W.flip(0), across_W)
    sample_B, channel_K = torch.arange(batch, device=device), torch.arange(channels, device=device)
    padded_BKHW = functional.pad(images_BKHW, [augment.pad] * 4)
    return padded_BKHW[
        sample_B[:, None, None, None],
        channel_K[None, :, None, None],
        rows_BH[:, None, :, None],
        columns_BW[:, None, None],
    ]
