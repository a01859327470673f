from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from overthink.data.augment import AugmentSpec
from overthink.data.dataset import Dataset, Split
from overthink.data.dataset_spec import AbstractDatasetSpec
from overthink.data.max_min_mnist import MaxMinMnistSpec
from overthink.testing import check_dataset


class Drawn(AbstractDatasetSpec):
    """Ten grey images for training, four for tests."""

    kind: Literal["drawn"] = "drawn"

    @property
    def input_shape(self) -> tuple[int, int, int]:
        return 1, 4, 4

    @property
    def n_classes(self) -> int:
        return 2

    @property
    def augment(self) -> AugmentSpec:
        return AugmentSpec()

    def is_here(self, root: Path) -> bool:
        return True

    def split(self, n: int, seed: int) -> Split:
        images_NKHW = np.random.default_rng(seed).integers(0, 256, (n, 1, 4, 4), dtype=np.uint8)
        zeros_N = np.zeros(n, dtype=np.int64)
        return Split(images_NKHW, np.arange(n, dtype=np.int64) % 2, zeros_N, np.arange(n, dtype=np.int64))

    def load(self, data_root: Path) -> Dataset:
        return Dataset("drawn", self.split(10, 0), self.split(4, 1), ("a", "b"), (), "0" * 64)


class Unseeded(Drawn):
    def split(self, n: int, seed: int) -> Split:
        return super().split(n, int(np.random.default_rng().integers(1 << 40)))


class Overlapping(Drawn):
    def split(self, n: int, seed: int) -> Split:
        return super().split(n, 0)


class OtherShape(Drawn):
    @property
    def input_shape(self) -> tuple[int, int, int]:
        return 4, 4, 1


class OneId(Drawn):
    def split(self, n: int, seed: int) -> Split:
        split = super().split(n, seed)
        return replace(split, ids_N=np.zeros_like(split.ids_N))


class LabelOfNoClass(Drawn):
    def split(self, n: int, seed: int) -> Split:
        split = super().split(n, seed)
        return replace(split, labels_N=split.labels_N + 1)


class Floats(Drawn):
    def split(self, n: int, seed: int) -> Split:
        split = super().split(n, seed)
        return replace(split, images_NKHW=split.images_NKHW.astype(np.float64))


def test_data_sets_that_pass(tmp_path: Path) -> None:
    check_dataset(Drawn(), tmp_path)
    check_dataset(MaxMinMnistSpec(kind="max-min-mnist", digits="embedded", train=200, test=80), tmp_path)


@pytest.mark.parametrize(
    "spec, said",
    [
        (Unseeded(), "train: loading it twice gives other images_NKHW"),
        (Overlapping(), "4 test images are among the training images"),
        (OtherShape(), r"images of \(1, 4, 4\), but input_shape \(4, 4, 1\)"),
        (OneId(), "train: two samples have the same id"),
        (LabelOfNoClass(), "train: labels from 1 to 2, but there are 2"),
        (Floats(), "train: images must be uint8"),
    ],
)
def test_what_does_not_fit(spec: Drawn, said: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=said):
        check_dataset(spec, tmp_path)
