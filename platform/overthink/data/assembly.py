"""What data sets of images have in common: labels checked, a subset drawn, a digest taken."""

from abc import abstractmethod
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from overthink.data.dataset import Dataset, PixelStatistics, Split, digest_of
from overthink.data.files import check_labels
from overthink.data.image_tree import Size, read_image
from overthink.data.subset import SubsetSpec, draw_subset
from overthink.spec import Spec


class ImagesSpec(Spec):
    """A data set of labelled images of which a subset can be drawn."""

    subset: SubsetSpec | None = None

    @property
    @abstractmethod
    def n_classes(self) -> int:
        """Number of labels."""

    @property
    @abstractmethod
    def input_shape(self) -> tuple[int, int, int]:
        """(K, H, W)."""

    def read_image(self, path: Path) -> NDArray[np.uint8]:
        """Return an image file as if it were of this data set, (K, H, W): short side resized, centre cut out.

        Raises ValueError naming the file where it cannot be read, and where images of this shape are in no file.
        """
        channels, height, width = self.input_shape
        if channels not in (1, 3) or height != width:
            raise ValueError(f"{path}: no image file can become an image of {channels}x{height}x{width}")
        return read_image(path, Size(channels, height, resize=True))

    @model_validator(mode="after")
    def _subset_is_balanced(self) -> Self:
        if self.subset is not None:
            self.subset.check(self.n_classes)
        return self


class PublishedSpec(ImagesSpec):
    """One that others published, with checksums."""

    verify: bool = True
    """Check files against what was published. Without it, a local variant loads: its digest and this word tell."""


def numbered(images_NKHW: NDArray[np.uint8], labels_N: NDArray[np.int64]) -> Split:
    """Return samples without levels whose ids are their row numbers."""
    return Split(images_NKHW, labels_N, np.zeros(len(labels_N), dtype=np.int64), np.arange(len(labels_N)))


def assembled(
    version: str,
    train: Split,
    test: Split,
    classes: tuple[str, ...],
    subset: SubsetSpec | None,
    published: PixelStatistics | None = None,
    validation: Split | None = None,
) -> Dataset:
    """Return a data set named by the first word of its version, of which a subset is drawn if one is asked for.

    Raises ValueError for a label that is no class, and for a class without a sample.
    """
    name = version.split(maxsplit=1)[0]
    for part, split in (("training", train), ("test", test)):
        check_labels(split.labels_N, len(classes), f"{name}: {part} images")
    train, test = draw_subset(train, test, subset)
    parts = (train, test) if validation is None else (train, test, validation)
    digest = digest_of(*parts, version=version)
    return Dataset(name, train, test, classes, (), digest, validation, published)
