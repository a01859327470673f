"""The data sets that a definition can name: those built in, and those of plug-ins."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overthink.data.cifar import Cifar10Spec, Cifar100Spec, get_cifar_10, get_cifar_100
from overthink.data.dataset import Dataset
from overthink.data.dataset_spec import AbstractDatasetSpec
from overthink.data.digits import default_root, get_mnist
from overthink.data.files import shown
from overthink.data.imagenette import FETCHES, ImagenetteSpec
from overthink.data.max_min_mnist import MaxMinMnistSpec
from overthink.data.mnist import MnistSpec, get_fashion_mnist
from overthink.data.own import FolderSpec, NpzSpec
from overthink.data.svhn import SvhnSpec, get_svhn
from overthink.plugins.kinds import Kinds

DATASETS: Kinds[AbstractDatasetSpec] = Kinds(
    "datasets",
    AbstractDatasetSpec,  # type: ignore[type-abstract]
    (MaxMinMnistSpec, Cifar10Spec, Cifar100Spec, SvhnSpec, MnistSpec, ImagenetteSpec, FolderSpec, NpzSpec),
)

if TYPE_CHECKING:
    DatasetSpec = AbstractDatasetSpec
else:
    DatasetSpec = DATASETS.annotation

MNIST_LICENCE = "CC BY-SA 3.0 (LeCun, Cortes, Burges)"
CIFAR_LICENCE = "none stated; cite Krizhevsky 2009"


@dataclass(frozen=True)
class Entry:
    """A data set as `overthink data list` shows it."""

    name: str
    description: str
    licence: str
    needs: str | None
    """Name in `FETCHABLE` of what has to be downloaded first; None where nothing has to be."""
    example: DatasetSpec
    """A specification to try it with."""


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
    Entry("mnist", "handwritten digits, 28x28, grey", MNIST_LICENCE, "mnist", MnistSpec(kind="mnist")),
    Entry("fashion-mnist", "clothes, 28x28, grey", "MIT", "fashion-mnist", MnistSpec(kind="fashion-mnist")),
    Entry("cifar-10", "10 classes, 32x32, colour", CIFAR_LICENCE, "cifar-10", Cifar10Spec(kind="cifar-10")),
    Entry(
        "cifar-100",
        "100 classes (or 20, labels: coarse), 32x32, colour",
        CIFAR_LICENCE,
        "cifar-100",
        Cifar100Spec(kind="cifar-100"),
    ),
    Entry(
        "svhn",
        "house numbers, 32x32, colour; as in the thesis, or supplement: false",
        "non-commercial use; cite Netzer et al. 2011",
        "svhn",
        SvhnSpec(kind="svhn", supplement=False),
    ),
    Entry(
        "imagenette",
        "10 classes of ImageNet, decoded to any size (size: 128), colour",
        "Apache 2.0 (fast.ai); images as ImageNet's, for research",
        "imagenette2-160",
        ImagenetteSpec(kind="imagenette"),
    ),
    Entry(
        "folder",
        "images of your own: path/train/<class>/* and path/test/ alike",
        "yours",
        None,
        FolderSpec(kind="folder", path="my-images", size=32, classes=2),
    ),
    Entry(
        "npz",
        "arrays of your own: x_train, y_train, x_test, y_test in an .npz file",
        "yours",
        None,
        NpzSpec(kind="npz", path="my-images.npz", shape=(1, 28, 28), classes=10),
    ),
)
FETCHABLE: dict[str, Callable[[Path], None]] = {
    "mnist": get_mnist,
    "fashion-mnist": get_fashion_mnist,
    "cifar-10": get_cifar_10,
    "cifar-100": get_cifar_100,
    "svhn": get_svhn,
    **FETCHES,
}


def examples() -> dict[str, Callable[[], tuple[type[AbstractDatasetSpec], dict[str, Any]]]]:
    """Return what makes a specification to try a data set with, by name: its class, and plain data.

    Of a plug-in's data set these are its kind alone, and calling it imports the plug-in; it may raise PluginError.
    """
    own = {entry.name: partial(_plain, entry.example) for entry in ENTRIES}
    return own | {kind: partial(_plugged, kind) for kind, _ in DATASETS.plugged()}


def _plain(example: AbstractDatasetSpec) -> tuple[type[AbstractDatasetSpec], dict[str, Any]]:
    return type(example), example.model_dump(mode="json")


def _plugged(kind: str) -> tuple[type[AbstractDatasetSpec], dict[str, Any]]:
    found = DATASETS.find(kind)
    assert found is not None
    return found, {"kind": kind}


def fetched_as(spec: DatasetSpec) -> str | None:
    """Return the name of a data set in `FETCHABLE`; None for one that cannot be downloaded, or need not be."""
    if isinstance(spec, MaxMinMnistSpec):
        return None if spec.digits == "embedded" else "mnist"
    name = spec.archive if isinstance(spec, ImagenetteSpec) else spec.kind
    return name if name in FETCHABLE else None


def absence(spec: DatasetSpec, data_root: Path | None = None) -> str | None:
    """Return what of a data set is missing in a folder (default: `default_root`), and the remedy; None if it is here.

    Only the presence of files is looked at; whether they are complete and unmodified is checked when they are read.
    """
    try:
        root = data_root or default_root()
        if spec.is_here(root):
            return None
        place = shown(spec.place(root))
    except (OSError, ValueError) as error:
        return f"data set {spec.kind} cannot be looked for: {error}"
    if (name := fetched_as(spec)) is None:
        return f"data set {spec.kind} is not at {place}; put it there, or name another folder"
    given = f" --data-root {place}" if data_root else ""
    return f"data set {spec.kind} is not in {place}; download it with `overthink data get {name}{given}`"


def load_dataset(spec: DatasetSpec, data_root: Path | None = None) -> Dataset:
    """Load a data set from a folder (default: `default_root`), and corrupt its test images where it says so.

    Raises ValueError naming a missing or damaged file.
    """
    dataset = spec.load(data_root or default_root())
    if spec.corruption is None:
        return dataset
    pictures_NKHW = spec.corruption.apply(spec.pictures(dataset.test.images_NKHW))
    test = replace(dataset.test, images_NKHW=spec.from_pictures(pictures_NKHW))
    return replace(dataset, name=f"{dataset.name}, {spec.corruption.label}", test=test)
