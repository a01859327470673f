"""What most data sets share: labels are checked, a subset is drawn, a digest is computed."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from overthink.data.dataset import Dataset, PixelStatistics, Split, digest_of
from overthink.data.dataset_spec import AbstractDatasetSpec
from overthink.data.files import check_labels
from overthink.data.subset import SubsetSpec, draw_subset


class ImagesSpec(AbstractDatasetSpec):
    """Specification of a data set of which a balanced subset can be drawn."""

    subset: SubsetSpec | None = None

    @model_validator(mode="after")
    def _subset_is_balanced(self) -> Self:
        if self.subset is not None:
            self.subset.check(self.n_classes)
        return self


class PublishedSpec(ImagesSpec):
    """Specification of a published data set with checksums."""

    verify: bool = True
    """Compare files with the published checksums. False loads a modified copy; the stored digest then differs."""


def numbered(images_NKHW: NDArray[np.uint8], labels_N: NDArray[np.int64]) -> Split:
    """Return samples without difficulty levels; their ids are their row numbers."""
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
    """Return a data set, or its subset; the first word of the version is its name.

    Raises ValueError for a label outside 0..C-1, and for a class without samples.
    """
    name = version.split(maxsplit=1)[0]
    for part, split in (("training", train), ("test", test)):
        check_labels(split.labels_N, len(classes), f"{name}: {part} images")
    train, test = draw_subset(train, test, subset)
    parts = (train, test) if validation is None else (train, test, validation)
    digest = digest_of(*parts, version=version)
    return Dataset(name, train, test, classes, (), digest, validation, published)
