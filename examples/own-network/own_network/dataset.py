"""Images of stripes: the class is their direction. They are drawn, so that nothing is downloaded."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from overthink.data.augment import AugmentSpec
from overthink.data.dataset import Dataset, Split, digest_of
from overthink.data.dataset_spec import AbstractDatasetSpec


class StripesSpec(AbstractDatasetSpec):
    """Grey images of horizontal (class 0) or vertical (class 1) stripes under noise."""

    kind: Literal["stripes"]
    train: Annotated[int, Field(ge=10, le=100_000)] = 400
    test: Annotated[int, Field(ge=2, le=100_000)] = 100
    noise: Annotated[float, Field(ge=0, le=1)] = 0.5

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(K, H, W)."""
        return 1, 16, 16

    @property
    def n_classes(self) -> int:
        """Two directions."""
        return 2

    @property
    def augment(self) -> AugmentSpec:
        """None: a flip would keep the label, but this is an example."""
        return AugmentSpec()

    @property
    def may_have_changed(self) -> bool:
        """No file is read."""
        return False

    def is_here(self, root: Path) -> bool:
        """Return that nothing needs to be downloaded."""
        return True

    def load(self, data_root: Path) -> Dataset:
        """Draw the images."""
        train, test = (self._drawn(n, seed) for seed, n in enumerate((self.train, self.test)))
        digest = digest_of(train, test, version="stripes 1")
        return Dataset("stripes 1", train, test, ("horizontal", "vertical"), (), digest)

    def _drawn(self, n: int, seed: int) -> Split:
        random = np.random.default_rng(seed)
        label_N = random.integers(0, 2, n)
        wave_NH = np.sin(np.arange(16) * random.uniform(0.8, 2.0, (n, 1)) + random.uniform(0, 6.28, (n, 1)))
        clean_NHW = np.where(label_N[:, None, None] == 0, wave_NH[:, :, None], wave_NH[:, None, :])
        noisy_NHW = (1 - self.noise) * clean_NHW + self.noise * random.normal(size=(n, 16, 16))
        images_NKHW = np.clip(127.5 + 60 * noisy_NHW, 0, 255).astype(np.uint8)[:, None]
        return Split(images_NKHW, label_N.astype(np.int64), np.zeros(n, dtype=np.int64), np.arange(n, dtype=np.int64))
