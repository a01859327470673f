"""A loaded data set: arrays, names and a digest."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Split:
    """Samples of one split of a data set, as arrays of equal length."""

    images_NKHW: NDArray[np.uint8]
    labels_N: NDArray[np.int64]
    levels_N: NDArray[np.int64]
    """Index into the data set's levels; zeros where it has none."""
    ids_N: NDArray[np.int64]
    """Identifies a sample within its split, in any order."""

    def rows(self, rows_M: NDArray[np.int64]) -> "Split":
        """Return the samples of some rows."""
        return Split(self.images_NKHW[rows_M], self.labels_N[rows_M], self.levels_N[rows_M], self.ids_N[rows_M])

    def with_more(self, more: "Split | None") -> "Split":
        """Return these samples followed by others, if any."""
        if more is None:
            return self
        return Split(
            np.concatenate([self.images_NKHW, more.images_NKHW]),
            np.concatenate([self.labels_N, more.labels_N]),
            np.concatenate([self.levels_N, more.levels_N]),
            np.concatenate([self.ids_N, more.ids_N]),
        )


class PixelStatistics(NamedTuple):
    """Mean and standard deviation of training images per channel, as fractions of 255."""

    mean_K: tuple[float, ...]
    std_K: tuple[float, ...]


@dataclass(frozen=True)
class Dataset:
    """Training and test samples, with names of classes and levels."""

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]
    levels: tuple[str, ...]
    """Names of difficulty levels, easiest first; empty where the data set has none."""
    digest: str
    """SHA-256 over every array, before any corruption of the test images: equal digests mean equal data."""
    validation: Split | None = None
    """Validation samples in addition to those split from training; their ids follow those of training."""
    published: PixelStatistics | None = None
    """Published pixel statistics of the training images, as papers use them; computed if None."""
    notes: tuple[str, ...] = ()
    """What a person should know before training on it, such as files that were left out; a sentence each."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(K, H, W)."""
        _, channels, height, width = self.train.images_NKHW.shape
        return channels, height, width

    @cached_property
    def pixel_statistics(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of the training images per channel, as fractions of 255.

        The published ones, otherwise computed exactly from a histogram of the 256 pixel values. A constant channel has
        deviation 1.
        """
        if self.published is not None:
            return np.array(self.published.mean_K), np.array(self.published.std_K)
        value = np.arange(256, dtype=np.float64) / 255
        images_NKHW = self.train.images_NKHW
        counts_KV = np.zeros((images_NKHW.shape[1], 256), dtype=np.int64)
        for first in range(0, len(images_NKHW), 1000):  # in chunks, since counting takes 8 bytes per pixel
            for k in range(len(counts_KV)):
                counts_KV[k] += np.bincount(images_NKHW[first : first + 1000, k].ravel(), minlength=256)
        share_KV = counts_KV / counts_KV.sum(axis=1, keepdims=True)
        mean_K = share_KV @ value
        std_K = np.sqrt((share_KV * (value - mean_K[:, None]) ** 2).sum(axis=1))
        return mean_K, np.where(std_K > 0, std_K, 1.0)


def digest_of(*splits: Split, version: str) -> str:
    """Return the SHA-256 of a version and of every array's shape, type and bytes."""
    digest = hashlib.sha256(version.encode())
    for split in splits:
        for array in (split.images_NKHW, split.labels_N, split.levels_N, split.ids_N):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
