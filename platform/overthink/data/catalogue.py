"""The one place that names data sets: a new one is a module of its own, a name in `DatasetSpec`, and its entry.

A specification has `kind`, `input_shape`, `n_classes` and `load`; nothing else here or elsewhere asks which one it is.
"""

from dataclasses import dataclass
from pathlib import Path

from overthink.data.dataset import Dataset
from overthink.data.digits import get_mnist, mnist_is_here
from overthink.data.max_min_mnist import MaxMinMnistSpec

DatasetSpec = MaxMinMnistSpec
"""A second one makes this `Annotated[MaxMinMnistSpec | OtherSpec, Field(discriminator="kind")]`."""

MNIST_LICENCE = "CC BY-SA 3.0 (LeCun, Cortes, Burges)"


@dataclass(frozen=True)
class Entry:
    """A data set as people choose one."""

    name: str
    description: str
    licence: str
    needs: str | None
    """What has to be fetched first, by its name in `FETCHABLE`."""
    example: DatasetSpec
    """A small specification, for a first look."""


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "max-min-mnist",
        "1, 2 or 4 digits on a plane; label: largest minus smallest (thesis section 4.2.2)",
        MNIST_LICENCE,
        "mnist",
        MaxMinMnistSpec(kind="max-min-mnist", train=4000, test=400),
    ),
    Entry(
        "max-min-mnist-embedded",
        "the same from 10,000 digits that ship with the package (digits: embedded)",
        MNIST_LICENCE,
        None,
        MaxMinMnistSpec(kind="max-min-mnist", digits="embedded", train=4000, test=400),
    ),
)
FETCHABLE = {"mnist": get_mnist}


def is_here(entry: Entry, root: Path) -> bool:
    """Tell whether a data set can be loaded from a root without fetching anything."""
    return entry.needs is None or mnist_is_here(root)


def load_dataset(spec: DatasetSpec, data_root: Path | None = None) -> Dataset:
    """Load a data set; raises ValueError naming the file where data are missing or damaged."""
    return spec.load(data_root)
