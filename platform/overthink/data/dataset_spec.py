"""What the specification of every data set has."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from overthink.data.augment import AugmentSpec
from overthink.data.corruption import CorruptionSpec
from overthink.data.dataset import Dataset
from overthink.data.image_file import Size, read_image
from overthink.spec import Spec


class AbstractDatasetSpec(Spec, ABC):
    """Specification of a data set; a subclass also has `kind`."""

    if TYPE_CHECKING:

        @property
        def kind(self) -> str:
            """The data set's name in a definition."""

    corruption: CorruptionSpec | None = None
    """Of the test images; what a network is trained and validated on stays as it is."""

    @property
    def label(self) -> str:
        """Its kind, and what its test images are corrupted by."""
        return self.kind if self.corruption is None else f"{self.kind}, {self.corruption.label}"

    @property
    @abstractmethod
    def input_shape(self) -> tuple[int, int, int]:
        """(K, H, W) of its images."""

    @property
    @abstractmethod
    def n_classes(self) -> int:
        """Number of classes."""

    @property
    @abstractmethod
    def augment(self) -> AugmentSpec:
        """Standard augmentation of its training images."""

    def check(self) -> None:
        """Raise ValueError for values that earlier versions took and misread: a stored run may have them, no new one.

        The message begins with the key.
        """

    @property
    def may_have_changed(self) -> bool:
        """Whether its files may hold other images than for an earlier run, and can be read again in about a second."""
        return True

    def place(self, root: Path) -> Path:
        """Return where its files are, given the folder of data sets."""
        return root

    @abstractmethod
    def is_here(self, root: Path) -> bool:
        """Return whether its files exist in a folder, so that nothing needs to be downloaded."""

    @abstractmethod
    def load(self, data_root: Path) -> Dataset:
        """Load the data set from a folder; raises ValueError naming the file where one is missing or damaged."""

    def read_image(self, path: Path) -> NDArray[np.uint8]:
        """Return an image file in the form of this data set's images, (K, H, W): short side resized, centre cropped.

        Raises ValueError naming the file where it cannot be read, and where no image file has this data set's shape.
        """
        channels, height, width = self.input_shape
        if channels not in (1, 3) or height != width:
            raise ValueError(f"{path}: an image file cannot be converted to an image of {channels}x{height}x{width}")
        return read_image(path, Size(channels, height, resize=True))

    def pictures(self, images_NKHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return images of this data set with pixels that were rearranged into channels back in their places."""
        return images_NKHW

    def from_pictures(self, pictures_NKHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return what `pictures` made pictures of."""
        return pictures_NKHW
