"""MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao et al. 2017) as they were published: 28x28, one channel."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from overthink.data.assembly import PublishedSpec, assembled, numbered
from overthink.data.augment import AugmentSpec
from overthink.data.dataset import Dataset, PixelStatistics, Split
from overthink.data.digits import MNIST_FILES, download_idx, read_idx

FASHION_FILES = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
"""File -> md5 of its unpacked contents: they pack into the .gz files of the published md5s, byte for byte."""
Kind = Literal["mnist", "fashion-mnist"]


class Facts(NamedTuple):
    """The differences between the two data sets."""

    folder: str
    """Below the data root, as in torchvision."""
    md5: dict[str, str]
    classes: tuple[str, ...]
    statistics: PixelStatistics
    augment: AugmentSpec


FACTS: dict[Kind, Facts] = {
    "mnist": Facts(
        "MNIST",
        MNIST_FILES,
        tuple(str(digit) for digit in range(10)),
        PixelStatistics((0.1307,), (0.3081,)),
        AugmentSpec(),
    ),
    "fashion-mnist": Facts(
        "FashionMNIST",
        FASHION_FILES,
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        PixelStatistics((0.2860,), (0.3530,)),
        AugmentSpec(pad=4, flip=True),
    ),
}


class MnistSpec(PublishedSpec):
    """MNIST or Fashion-MNIST: 60,000 training and 10,000 test images of 28x28 in grey."""

    kind: Kind

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(K, H, W)."""
        return 1, 28, 28

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return 10

    @property
    def augment(self) -> AugmentSpec:
        """Standard augmentation: none for digits; random crop with 4 pixels of padding, and flip, for clothes."""
        return FACTS[self.kind].augment

    def is_here(self, root: Path) -> bool:
        """Return whether its files exist in a folder."""
        return all((root / FACTS[self.kind].folder / "raw" / name).is_file() for name in MNIST_FILES)

    def load(self, data_root: Path) -> Dataset:
        """Read the four files; raises ValueError naming a file that is missing or damaged."""
        facts = FACTS[self.kind]
        train, test = (self._part(data_root / facts.folder / "raw", prefix) for prefix in ("train", "t10k"))
        published = facts.statistics if self.verify else None
        return assembled(f"{self.kind} 1", train, test, facts.classes, self.subset, published)

    def _part(self, folder: Path, prefix: str) -> Split:
        names = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
        md5 = FACTS[self.kind].md5
        images, labels = (read_idx(folder / name, md5[name] if self.verify else None, self.kind) for name in names)
        if images.shape[1:] != (28, 28):
            raise ValueError(f"{folder / names[0]}: images of shape {images.shape[1:]}, not (28, 28)")
        if labels.shape != images.shape[:1]:
            raise ValueError(f"{folder}: {len(images)} images, but {len(labels)} labels")
        return numbered(images[:, None].copy(), labels.astype(np.int64))


def get_fashion_mnist(root: Path) -> None:
    """Download Fashion-MNIST to a folder unless it is there, and check it; raises as `digits.get_mnist` does."""
    spec = MnistSpec(kind="fashion-mnist")
    if not spec.is_here(root):
        download_idx("FashionMNIST", root)
    spec.load(root)
