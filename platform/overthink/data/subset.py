"""A balanced subset of a data set, drawn with its own seed."""

from typing import Annotated

import numpy as np
from pydantic import Field

from overthink.data.dataset import Split
from overthink.spec import Spec

Count = Annotated[int, Field(ge=1, le=10_000_000)]


class SubsetSpec(Spec):
    """Number of samples to keep; all of a split that is left out."""

    train: Count | None = None
    test: Count | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of the subset: runs with this subset have the same samples, whatever their own seeds."""

    def check(self, n_classes: int) -> None:
        """Raise ValueError if a count is not a multiple of the number of classes."""
        for part, count in (("train", self.train), ("test", self.test)):
            if count is not None and count % n_classes:
                raise ValueError(f"subset.{part} must be a multiple of the {n_classes} classes, got {count}")


def draw_subset(train: Split, test: Split, subset: SubsetSpec | None) -> tuple[Split, Split]:
    """Return samples of both splits, equally many of each class (and level), in their original order.

    Ids stay those of the original samples. Raises ValueError if a class has too few samples.
    """
    if subset is None:
        return train, test
    streams = np.random.SeedSequence(subset.seed).spawn(2)
    train_rng, test_rng = (np.random.default_rng(stream) for stream in streams)
    return _draw(train, subset.train, "train", train_rng), _draw(test, subset.test, "test", test_rng)


def _draw(split: Split, count: int | None, part: str, rng: np.random.Generator) -> Split:
    if count is None:
        return split
    cells_N = split.labels_N * (split.levels_N.max() + 1) + split.levels_N
    cells, sizes = np.unique(cells_N, return_counts=True)
    if count % len(cells):
        raise ValueError(f"subset.{part} must be a multiple of the {len(cells)} classes and levels, got {count}")
    each = count // len(cells)
    if each > sizes.min():
        raise ValueError(
            f"subset.{part}: {count} takes {each} samples of each of {len(cells)} classes, "
            f"but the smallest has {sizes.min()}"
        )
    chosen = [rng.choice(np.flatnonzero(cells_N == cell), each, replace=False) for cell in cells]
    return split.rows(np.sort(np.concatenate(chosen)))
