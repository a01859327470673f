"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009), read from the official binary version; nothing is unpickled."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overthink.data.assembly import PublishedSpec, assembled, numbered
from overthink.data.augment import AugmentSpec
from overthink.data.dataset import Dataset, PixelStatistics, Split
from overthink.data.fetch import Archive, fetch_archive
from overthink.data.files import check_file, class_names, mend

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
STANDARD = AugmentSpec(pad=4, flip=True)
URL = "https://www.cs.toronto.edu/~kriz/"

CIFAR_10 = Archive(
    "cifar-10",
    f"{URL}cifar-10-binary.tar.gz",
    "c32a1d4ab5d03f1284b67883e8d87530",
    "cifar-10-batches-bin",
    r"data_batch_[1-5]\.bin|test_batch\.bin|batches\.meta\.txt",
)
CIFAR_100 = Archive(
    "cifar-100",
    f"{URL}cifar-100-binary.tar.gz",
    "03b5dce01913d631647c71ecec9e9cb8",
    "cifar-100-binary",
    r"train\.bin|test\.bin|(?:fine|coarse)_label_names\.txt",
)
CIFAR_100_MD5 = {"train.bin": "6172c7755cfe09b2fe270c85cebc1b15", "test.bin": "4499cfba6c016c1be1438163640a0898"}
CIFAR_10_TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
CIFAR_10_TEST = ("test_batch.bin",)
CIFAR_10_BYTES = 30_730_000
"""Of each batch. No md5 of an unpacked batch is published: the archive's is checked after the download, here the sizes
and that each class has 5,000 training and 1,000 test images. The digest of the loaded data is stored with every run."""
CIFAR_10_STATISTICS = PixelStatistics((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
CIFAR_100_STATISTICS = PixelStatistics((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))
"""Of train.bin, to 4 digits. Other published code has .4867 .4408 and .2675 .2565 .2761, not of these images."""


class Cifar10Spec(PublishedSpec):
    """CIFAR-10: 50,000 training and 10,000 test images of 32x32 in colour."""

    kind: Literal["cifar-10"]

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(K, H, W)."""
        return SHAPE

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return 10

    @property
    def augment(self) -> AugmentSpec:
        """Standard augmentation: random crop with 4 pixels of padding, and flip."""
        return STANDARD

    def is_here(self, root: Path) -> bool:
        """Return whether its files exist in a folder."""
        return all((root / CIFAR_10.folder / name).is_file() for name in CIFAR_10_TRAIN + CIFAR_10_TEST)

    def load(self, data_root: Path) -> Dataset:
        """Read the batches; raises ValueError naming a file that is missing or damaged."""
        folder = data_root / CIFAR_10.folder
        train, test = (_batches(folder, names, self.verify) for names in (CIFAR_10_TRAIN, CIFAR_10_TEST))
        classes = class_names(folder / "batches.meta.txt", 10)
        return assembled("cifar-10 1", train, test, classes, self.subset, CIFAR_10_STATISTICS if self.verify else None)


class Cifar100Spec(PublishedSpec):
    """CIFAR-100: 50,000 training and 10,000 test images of 32x32 in colour."""

    kind: Literal["cifar-100"]
    labels: Literal["fine", "coarse"] = "fine"
    """100 classes, or the 20 superclasses of five each."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(K, H, W)."""
        return SHAPE

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return 100 if self.labels == "fine" else 20

    @property
    def augment(self) -> AugmentSpec:
        """Standard augmentation: random crop with 4 pixels of padding, and flip."""
        return STANDARD

    def is_here(self, root: Path) -> bool:
        """Return whether its files exist in a folder."""
        return all((root / CIFAR_100.folder / name).is_file() for name in CIFAR_100_MD5)

    def load(self, data_root: Path) -> Dataset:
        """Read both files; raises ValueError naming a file that is missing or damaged."""
        folder = data_root / CIFAR_100.folder
        parts = []
        for name, md5 in CIFAR_100_MD5.items():
            check_file(folder / name, md5 if self.verify else None, CIFAR_100.source)
            records = _records(folder / name, 2, CIFAR_100.source)
            parts.append(numbered(records.images_NKHW, records.labels_NL[:, 1 if self.labels == "fine" else 0]))
        train, test = parts
        classes = class_names(folder / f"{self.labels}_label_names.txt", self.n_classes)
        version = f"cifar-100 {self.labels} 1"
        return assembled(version, train, test, classes, self.subset, CIFAR_100_STATISTICS if self.verify else None)


class Records(NamedTuple):
    """The contents of one file."""

    images_NKHW: NDArray[np.uint8]
    labels_NL: NDArray[np.int64]
    """L labels per record: one in CIFAR-10; coarse and fine in CIFAR-100."""


def _records(path: Path, n_labels: int, source: str) -> Records:
    content = np.fromfile(path, dtype=np.uint8)
    length = n_labels + PIXELS
    if not len(content) or len(content) % length:
        raise ValueError(f"{path}: {len(content)} bytes are not whole records of {length} bytes; {mend(source)}")
    records_NR = content.reshape(-1, length)
    images_NKHW = np.ascontiguousarray(records_NR[:, n_labels:]).reshape(-1, *SHAPE)
    return Records(images_NKHW, records_NR[:, :n_labels].astype(np.int64))


def _batches(folder: Path, names: tuple[str, ...], verify: bool) -> Split:
    batches = []
    for name in names:
        check_file(folder / name, None, CIFAR_10.source)
        if verify and (found := (folder / name).stat().st_size) != CIFAR_10_BYTES:
            raise ValueError(
                f"{folder / name}: {found} bytes, but the official one has {CIFAR_10_BYTES}; {mend(CIFAR_10.source)}"
            )
        batches.append(_records(folder / name, 1, CIFAR_10.source))
    labels_N = np.concatenate([batch.labels_NL[:, 0] for batch in batches])
    if verify and (counts_C := np.bincount(labels_N, minlength=10)).tolist() != [len(labels_N) // 10] * 10:
        raise ValueError(f"{folder}: {counts_C.tolist()} images per class, but all should be equal")
    return numbered(np.concatenate([batch.images_NKHW for batch in batches]), labels_N)


def get_cifar_10(root: Path) -> None:
    """Download CIFAR-10 to a folder unless it is there, and check it; raises as `fetch_archive` does."""
    fetch_archive(CIFAR_10, root)
    Cifar10Spec(kind="cifar-10").load(root)


def get_cifar_100(root: Path) -> None:
    """Download CIFAR-100 to a folder unless it is there, and check it; raises as `fetch_archive` does."""
    fetch_archive(CIFAR_100, root)
    Cifar100Spec(kind="cifar-100").load(root)
