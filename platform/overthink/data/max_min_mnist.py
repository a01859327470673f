"""Max-Min MNIST (thesis section 4.2.2): images with known difficulty levels.

A black image with one, two or four 20x20 digits at random positions without overlap. Easy: one digit, which is the
label. Medium and hard: two and four digits, the label is the largest minus the smallest. Labels are balanced exactly;
levels have the ratio 2:1:1 for each label. Training images use MNIST's training digits, test images its test digits.

The thesis does not specify how the digits of an image are drawn. Here: uniformly among all ordered pairs (or fours) of
digits with the required difference, then uniformly among the handwritten images of each digit.
"""

from functools import cache
from itertools import product
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from overthink.data.augment import AugmentSpec
from overthink.data.dataset import Dataset, Split, digest_of
from overthink.data.dataset_spec import AbstractDatasetSpec
from overthink.data.digits import PARTS, SIDE, Digits, load_digits, mnist_is_here
from overthink.data.image_file import Size, read_image
from overthink.spec import WHOLE

LEVELS = ("easy", "medium", "hard")
DIGITS_OF_LEVEL = (1, 2, 4)
SHARES = (2, 1, 1)
"""Ratio of the levels for each label."""
N_CLASSES = 10
SMALLEST_BALANCE = N_CLASSES * sum(SHARES)
CHUNK = 10_000
"""Images drawn at a time, which limits memory to the shrunk images and one chunk of full-size ones."""


class MaxMinMnistSpec(AbstractDatasetSpec):
    """Max-Min MNIST; defaults are the thesis's sizes."""

    kind: Literal["max-min-mnist"]
    digits: Literal["mnist", "embedded"] = "mnist"
    """All of MNIST, or the 10,000 digits that ship with the package."""
    train: Annotated[int, Field(le=10_000_000)] = 100_000
    test: Annotated[int, Field(le=10_000_000)] = 18_000
    size: Annotated[int, Field(ge=52, le=512)] = 64
    """Side of the image in pixels. Positions are drawn until digits do not overlap: for four digits 1.7% of the draws
    succeed at 64, 0.1% at 52.
    """
    shrink: Annotated[Literal[1, 2, 4], WHOLE] = 1
    """Downsampling factor: the mean of each square of pixels, halves rounded up, after the image is drawn."""
    space_to_depth: Annotated[Literal[1, 2, 4], WHOLE] = 1
    """Side of squares whose pixels become channels, row by row, after shrinking: smaller images without loss."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of the data, independent of the seeds of training."""
    version: Annotated[Literal[1], WHOLE] = 1
    """Of the generator: another version would draw other images from the same seed."""

    @model_validator(mode="after")
    def _sizes_fit(self) -> "MaxMinMnistSpec":
        for name, count in (("train", self.train), ("test", self.test)):
            if count <= 0 or count % SMALLEST_BALANCE:
                raise ValueError(
                    f"{name} must be a multiple of {SMALLEST_BALANCE}, greater than or equal to {SMALLEST_BALANCE} "
                    f"(10 labels, levels 2:1:1), got {count}"
                )
        if self.size % (factor := self.shrink * self.space_to_depth):
            raise ValueError(f"size {self.size} is no multiple of shrink * space_to_depth = {factor}")
        return self

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(K, H, W) of its images."""
        side = self.size // (self.shrink * self.space_to_depth)
        return self.space_to_depth**2, side, side

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return N_CLASSES

    @property
    def augment(self) -> AugmentSpec:
        """Standard augmentation: none."""
        return AugmentSpec()

    @property
    def may_have_changed(self) -> bool:
        """Whether its images may be others than for an earlier run: never, since its digits have checksums."""
        return False

    def is_here(self, root: Path) -> bool:
        """Return whether its digits are embedded or exist in a folder."""
        return self.digits == "embedded" or mnist_is_here(root)

    def read_image(self, path: Path) -> NDArray[np.uint8]:
        """Return an image file in the form of this data set's images, (K, H, W): grey, resized, shrunk, space to depth.

        Raises ValueError naming the file where it cannot be read.
        """
        plane_NHW = read_image(path, Size(1, self.size, resize=True))
        image_KHW: NDArray[np.uint8] = _to_depth(_shrunk(plane_NHW, self.shrink), self.space_to_depth)[0]
        return image_KHW

    def pictures(self, images_NKHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return images of one channel, (N, 1, H, W): `space_to_depth` undone."""
        return from_depth(images_NKHW, self.space_to_depth)

    def from_pictures(self, pictures_NKHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return images with their pixels rearranged into channels again."""
        return _to_depth(pictures_NKHW[:, 0], self.space_to_depth)

    def load(self, data_root: Path | None = None) -> Dataset:
        """Draw the data set. Raises ValueError naming the file where MNIST's files are missing or damaged.

        >>> spec = MaxMinMnistSpec(kind="max-min-mnist", digits="embedded", train=80, test=40, shrink=4)
        >>> dataset = spec.load()
        >>> dataset.train.images_NKHW.shape, dataset.levels
        ((80, 1, 16, 16), ('easy', 'medium', 'hard'))
        """
        splits = []
        for number, (part, count) in enumerate(zip(PARTS, (self.train, self.test), strict=True)):
            digits = load_digits(self.digits, part, data_root)
            rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(number,)))
            scenes = draw_scenes(count, digits, self.size, rng)
            splits.append(Split(_images(self, scenes, digits), scenes.labels_N, scenes.levels_N, np.arange(count)))
        train, test = splits
        classes = tuple(str(label) for label in range(N_CLASSES))
        digest = digest_of(train, test, version=f"max-min-mnist {self.version}")
        return Dataset("max-min-mnist", train, test, classes, LEVELS, digest)


class Scenes(NamedTuple):
    """The contents of N images with up to D = 4 digits; unused places have digit row -1."""

    labels_N: NDArray[np.int64]
    levels_N: NDArray[np.int64]
    rows_ND: NDArray[np.int64]
    """Row of each digit among the handwritten digits."""
    corners_ND2: NDArray[np.int64]
    """Top and left pixel of each digit."""


def draw_scenes(count: int, digits: Digits, size: int, rng: np.random.Generator) -> Scenes:
    """Draw labels, levels, digits and positions of a balanced set of images, in random order."""
    unit = count // SMALLEST_BALANCE
    levels_N = np.tile(np.repeat(np.arange(len(LEVELS)), [share * unit for share in SHARES]), N_CLASSES)
    labels_N = np.repeat(np.arange(N_CLASSES), unit * sum(SHARES))
    order_N = rng.permutation(count)
    levels_N, labels_N = levels_N[order_N], labels_N[order_N]
    digits_ND = _digits(labels_N, levels_N, rng)
    return Scenes(labels_N, levels_N, _handwritten(digits_ND, digits, rng), _places(digits_ND >= 0, size, rng))


def _digits(labels_N: NDArray[np.int64], levels_N: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the digits of each image (N, 4), -1 where it has fewer."""
    digits_ND = np.full((len(labels_N), max(DIGITS_OF_LEVEL)), -1)
    for level, n_digits in enumerate(DIGITS_OF_LEVEL):
        for label in range(N_CLASSES):
            rows = np.flatnonzero((levels_N == level) & (labels_N == label))
            tuples = _tuples(n_digits, label)
            digits_ND[rows, :n_digits] = tuples[rng.integers(len(tuples), size=len(rows))]
    return digits_ND


@cache
def _tuples(n_digits: int, label: int) -> NDArray[np.int64]:
    """Return every ordered tuple of digits with a label."""
    if n_digits == 1:
        return np.array([[label]])
    choices = np.array(list(product(range(N_CLASSES), repeat=n_digits)))
    fitting: NDArray[np.int64] = choices[choices.max(axis=1) - choices.min(axis=1) == label]
    return fitting


def _handwritten(digits_ND: NDArray[np.int64], digits: Digits, rng: np.random.Generator) -> NDArray[np.int64]:
    rows_ND = np.full_like(digits_ND, -1)
    for digit in range(N_CLASSES):
        candidates = np.flatnonzero(digits.labels_N == digit)
        wanted = digits_ND == digit
        rows_ND[wanted] = candidates[rng.integers(len(candidates), size=int(wanted.sum()))]
    return rows_ND


def _places(used_ND: NDArray[np.bool_], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return corners (N, 4, 2), uniform over all placements without overlap, by rejection sampling."""
    n_images, n_digits = used_ND.shape
    corners_ND2 = np.zeros((n_images, n_digits, 2), dtype=np.int64)
    waiting = np.arange(n_images)
    while len(waiting):
        drawn = rng.integers(size - SIDE + 1, size=(len(waiting), n_digits, 2))
        good = ~_overlap(drawn, used_ND[waiting])
        corners_ND2[waiting[good]] = drawn[good]
        waiting = waiting[~good]
    return corners_ND2


def _overlap(corners_ND2: NDArray[np.int64], used_ND: NDArray[np.bool_]) -> NDArray[np.bool_]:
    overlap_N = np.zeros(len(corners_ND2), dtype=bool)
    for one in range(used_ND.shape[1]):
        for other in range(one):
            near_N2 = np.abs(corners_ND2[:, one] - corners_ND2[:, other]) < SIDE
            overlap_N |= near_N2.all(axis=1) & used_ND[:, one] & used_ND[:, other]
    return overlap_N


def _images(spec: MaxMinMnistSpec, scenes: Scenes, digits: Digits) -> NDArray[np.uint8]:
    count = len(scenes.labels_N)
    images_NKHW = np.empty((count, *spec.input_shape), dtype=np.uint8)
    for first in range(0, count, CHUNK):
        chunk = slice(first, first + CHUNK)
        planes_NHW = _planes(scenes.rows_ND[chunk], scenes.corners_ND2[chunk], digits, spec.size)
        images_NKHW[chunk] = _to_depth(_shrunk(planes_NHW, spec.shrink), spec.space_to_depth)
    return images_NKHW


def _planes(rows_ND: NDArray[np.int64], corners_ND2: NDArray[np.int64], digits: Digits, size: int) -> NDArray[np.uint8]:
    planes_NHW = np.zeros((len(rows_ND), size, size), dtype=np.uint8)
    pixel = np.arange(SIDE)
    for place in range(rows_ND.shape[1]):
        used = np.flatnonzero(rows_ND[:, place] >= 0)
        top, left = corners_ND2[used, place].T
        rows, columns = top[:, None, None] + pixel[:, None], left[:, None, None] + pixel
        planes_NHW[used[:, None, None], rows, columns] = digits.images_NHW[rows_ND[used, place]]
    return planes_NHW


def _shrunk(planes_NHW: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    if factor == 1:
        return planes_NHW
    sums = _to_depth(planes_NHW, factor).sum(axis=1, dtype=np.uint16)
    means: NDArray[np.uint8] = ((sums + factor**2 // 2) // factor**2).astype(np.uint8)
    return means


def from_depth(images_NKHW: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Return images of one channel, (N, 1, H * factor, W * factor), from those of factor^2 channels."""
    n, _, height, width = images_NKHW.shape
    squares = images_NKHW.reshape(n, factor, factor, height, width)
    return squares.transpose(0, 3, 1, 4, 2).reshape(n, 1, height * factor, width * factor)


def _to_depth(planes_NHW: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Return (N, factor^2, H / factor, W / factor): channel r * factor + c holds row r, column c of each square."""
    n, height, width = planes_NHW.shape
    squares = planes_NHW.reshape(n, height // factor, factor, width // factor, factor)
    return squares.transpose(0, 2, 4, 1, 3).reshape(n, factor**2, height // factor, width // factor)
