"""SVHN (Netzer et al. 2011), cropped digits, with the thesis's supplement from the extra set.

The thesis: "We supplement the validation and test set of SHVN with 25,000 samples each from the extra set", since the
extra set is easier. It does not specify which samples: here they are drawn at random with their own seed.
"""

import zlib
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from overthink.data.assembly import PublishedSpec, assembled, numbered
from overthink.data.augment import AugmentSpec
from overthink.data.dataset import Dataset, PixelStatistics, Split
from overthink.data.fetch import fetch_file
from overthink.data.files import check_file, mend

URL = "http://ufldl.stanford.edu/housenumbers/"
MD5 = {
    "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
    "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
    "extra_32x32.mat": "a93ce644f1a588dc4d68dda5feec44a7",
}
TRAIN, TEST, EXTRA = MD5
SUPPLEMENT = 25_000
"""Number of samples of the extra set added to validation, and to test."""
STATISTICS = PixelStatistics((0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970))


class SvhnSpec(PublishedSpec):
    """SVHN: 73,257 training and 26,032 test images of 32x32 in colour."""

    kind: Literal["svhn"]
    supplement: bool = True
    """Add 25,000 images of the extra set to validation and 25,000 to test, as in the thesis."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of the drawn extra images, the same for all runs."""

    @model_validator(mode="after")
    def _subset_without_supplement(self) -> Self:
        if self.supplement and self.subset is not None:
            raise ValueError("a subset of SVHN is drawn without the supplement; set supplement: false as well")
        return self

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(K, H, W)."""
        return 3, 32, 32

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return 10

    @property
    def augment(self) -> AugmentSpec:
        """Standard augmentation: random crop with 4 pixels of padding; digits are not flipped."""
        return AugmentSpec(pad=4)

    @property
    def may_have_changed(self) -> bool:
        """Whether its files may hold other images than for an earlier run; with checksums they take long to read."""
        return not self.verify

    def is_here(self, root: Path) -> bool:
        """Return whether its files exist in a folder."""
        return all((root / "svhn" / name).is_file() for name in (TRAIN, TEST, *([EXTRA] if self.supplement else [])))

    def load(self, data_root: Path) -> Dataset:
        """Read the files; raises ValueError naming a file that is missing or damaged."""
        folder = data_root / "svhn"
        train, test = (_packed(_read(folder / name, self.verify), 0) for name in (TRAIN, TEST))
        validation = None
        if self.supplement:
            more = _supplement(folder / EXTRA, self, len(train.labels_N), len(test.labels_N))
            validation, test = more.validation, test.with_more(more.test)
        classes = tuple(str(digit) for digit in range(10))
        version = f"svhn {'with supplement' if self.supplement else 'alone'} 1"
        published = STATISTICS if self.verify else None
        return assembled(version, train, test, classes, self.subset, published, validation)


class Supplement(NamedTuple):
    """Disjoint samples of the extra set. Ids: row in the extra set plus the size of the split they are added to."""

    validation: Split
    test: Split


def _supplement(path: Path, spec: SvhnSpec, n_train: int, n_test: int) -> Supplement:
    extra = _read(path, spec.verify)
    if len(extra.labels_N) < 2 * SUPPLEMENT:
        raise ValueError(f"{path}: {len(extra.labels_N)} images, but the supplement needs {2 * SUPPLEMENT}")
    order_N = np.random.default_rng(spec.seed).permutation(len(extra.labels_N))
    validation, test = (extra.rows(np.sort(rows_M)) for rows_M in np.split(order_N[: 2 * SUPPLEMENT], 2))
    return Supplement(_packed(validation, n_train), _packed(test, n_test))


def _packed(split: Split, before: int) -> Split:
    return Split(np.ascontiguousarray(split.images_NKHW), split.labels_N, split.levels_N, split.ids_N + before)


def _read(path: Path, verify: bool) -> Split:
    check_file(path, MD5[path.name] if verify else None, "svhn")
    contents = _loaded(path)
    images_HWKN, labels_N1 = (contents.get(name, np.empty(0)) for name in ("X", "y"))
    if images_HWKN.dtype != np.uint8 or images_HWKN.shape[:-1] != (32, 32, 3):
        raise ValueError(f"{path}: X is {images_HWKN.dtype} {images_HWKN.shape}, not uint8 (32, 32, 3, samples)")
    labels_N = labels_N1.ravel().astype(np.int64)
    if len(labels_N) != images_HWKN.shape[-1]:
        raise ValueError(f"{path}: {images_HWKN.shape[-1]} images, but {len(labels_N)} labels")
    outside_M = labels_N[(labels_N < 1) | (labels_N > 10)]
    if len(outside_M):
        raise ValueError(f"{path}: label {outside_M[0]} is not one of 1 to 10")
    # 10 means the digit 0. A view: of 531,131 extra images only the drawn ones are copied.
    return numbered(images_HWKN.transpose(3, 2, 0, 1), labels_N % 10)


def _loaded(path: Path) -> dict[str, NDArray[Any]]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        contents: dict[str, NDArray[Any]] = loadmat(path, variable_names=["X", "y"])
    except (
        MatReadError,
        ValueError,
        TypeError,
        LookupError,
        NotImplementedError,
        EOFError,
        OSError,
        zlib.error,
    ) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: not a readable .mat file ({reason}); {mend('svhn')}") from error
    return contents


def get_svhn(root: Path) -> None:
    """Download the three files to a folder unless they are there, and check them.

    Raises OSError if a download fails, ValueError naming a damaged file.
    """
    folder = root / "svhn"
    folder.mkdir(parents=True, exist_ok=True)
    for name, md5 in MD5.items():
        if not (folder / name).is_file():
            fetch_file(URL + name, md5, folder / name)
        check_file(folder / name, md5, "svhn")
