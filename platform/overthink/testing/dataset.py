"""A check for data sets of one's own, for their tests: `check_dataset(MySpec(kind="mine"))`."""

from pathlib import Path

import numpy as np

from overthink.data.dataset import Dataset, Split
from overthink.data.dataset_spec import AbstractDatasetSpec
from overthink.data.digits import default_root
from overthink.plugins.modules import own_definition
from overthink.testing.holding import check


def check_dataset(spec: AbstractDatasetSpec, data_root: Path | None = None) -> None:
    """Check that a data set fits everything that the platform does with one.

    A specification survives being stored. Loading it twice gives the same digest and the same arrays. Images are
    uint8 (N, K, H, W) of the shape that the specification says, labels and levels are those of the named ones, ids
    tell the samples of a split apart, and no test image is among the training images.

    Args:
        spec: The specification.
        data_root: Folder of data sets; the usual one if left out.

    Raises:
        AssertionError: The first thing that is not as it should be, in one sentence.
        ValueError: The data set cannot be loaded.
    """
    root = data_root or default_root()
    with own_definition():
        again = type(spec).model_validate_json(spec.model_dump_json())
    check(again == spec, "the specification changes when it is written as JSON and read again")
    spec.check()
    check(spec.is_here(root), f"it is not in {root}")
    loaded, repeated = spec.load(root), again.load(root)
    check(loaded.digest == repeated.digest, "loading it twice gives two digests")
    check(len(loaded.classes) == spec.n_classes, f"{len(loaded.classes)} class names, but n_classes {spec.n_classes}")
    check(loaded.image_shape == spec.input_shape, f"images of {loaded.image_shape}, but input_shape {spec.input_shape}")
    for name in ("train", "test"):
        _check_split(name, getattr(loaded, name), getattr(repeated, name), loaded)
    shared = _images(loaded.train) & _images(loaded.test)
    check(not shared, f"{len(shared)} test images are among the training images")


def _check_split(name: str, split: Split, repeated: Split, dataset: Dataset) -> None:
    images_NKHW, n = split.images_NKHW, len(split.images_NKHW)
    check(n > 0, f"{name}: it has no samples")
    check(images_NKHW.dtype == np.uint8 and images_NKHW.ndim == 4, f"{name}: images must be uint8 (N, K, H, W)")
    for what in ("labels_N", "levels_N", "ids_N"):
        values_N = getattr(split, what)
        check(values_N.shape == (n,) and values_N.dtype == np.int64, f"{name}: {what} must be int64 ({n},)")
    for what in ("images_NKHW", "labels_N", "levels_N", "ids_N"):
        same = np.array_equal(getattr(split, what), getattr(repeated, what))
        check(same, f"{name}: loading it twice gives other {what}")
    for what, names in (("labels", dataset.classes), ("levels", dataset.levels or ("",))):
        values_N = getattr(split, f"{what}_N")
        inside = values_N.min() >= 0 and values_N.max() < len(names)
        check(inside, f"{name}: {what} from {values_N.min()} to {values_N.max()}, but there are {len(names)}")
    check(len({*split.ids_N.tolist()}) == n, f"{name}: two samples have the same id")


def _images(split: Split) -> set[bytes]:
    return {image.tobytes() for image in split.images_NKHW}
