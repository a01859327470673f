"""Imagenette (Howard 2019): ten easy classes of ImageNet, JPEGs of any size, decoded once."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from overthink.data.assembly import PublishedSpec, assembled, numbered
from overthink.data.augment import AugmentSpec
from overthink.data.dataset import Dataset
from overthink.data.decoded import decode
from overthink.data.fetch import Archive, fetch_archive
from overthink.data.image_file import Size
from overthink.data.image_tree import find_images

Name = Literal["imagenette2-160", "imagenette2-320", "imagenette2"]
MD5: dict[Name, str] = {
    "imagenette2-160": "e793b78cc4c9e9a4ccc0c1155377a412",
    "imagenette2-320": "3df6f0d01a2c9592104656642f5e78a3",
    "imagenette2": "fe2fc210e6bb7c5664d602c3cd71e612",
}
SAMPLES = {"train": 9469, "val": 3925}
"""Official counts, checked here; the archive's checksum is checked after the download. JPEGs have no published one."""
CLASSES = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}
"""Folder -> class name."""


class ImagenetteSpec(PublishedSpec):
    """Imagenette: 9,469 training and 3,925 test images in colour; its `val` folder is the test set."""

    kind: Literal["imagenette"]
    size: Annotated[int, Field(ge=8, le=320)] = 128
    """Side in pixels: the short side is resized to it and the centre cropped."""
    archive: Name = "imagenette2-160"
    """The published version: short sides of 160 pixels, of 320, or the original ones."""

    @model_validator(mode="after")
    def _not_enlarged(self) -> Self:
        if self.archive == "imagenette2-160" and self.size > 160:
            raise ValueError(f"size {self.size} needs more than the 160 pixels of archive imagenette2-160")
        return self

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(K, H, W)."""
        return 3, self.size, self.size

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return 10

    @property
    def augment(self) -> AugmentSpec:
        """Standard augmentation: random crop with an eighth of the size as padding, and flip."""
        return AugmentSpec(pad=self.size // 8, flip=True)

    def is_here(self, root: Path) -> bool:
        """Return whether its folder exists in a folder."""
        return (root / self.archive).is_dir()

    def load(self, data_root: Path) -> Dataset:
        """Decode the images, or map the decoded cache; raises ValueError naming a missing or damaged file."""
        folder, parts, notes, classes = data_root / self.archive, [], [], tuple(CLASSES.values())
        if not folder.is_dir():
            raise ValueError(f"{folder}: no such folder; download it with `overthink data get {self.archive}`")
        for part, count in SAMPLES.items():
            tree = find_images(folder / part, len(CLASSES))
            if self.verify and (tree.classes != tuple(CLASSES) or len(tree.paths) != count):
                raise ValueError(
                    f"{folder / part}: {len(tree.paths)} images in {tree.classes[0]}..., officially {count} in "
                    f"{next(iter(CLASSES))}...; delete {folder} and run `overthink data get {self.archive}`"
                )
            classes = tuple(CLASSES.get(name, name) for name in tree.classes)
            # As published results have them: not turned upright.
            decoded = decode(tree, Size(3, self.size, resize=True, upright=False), data_root)
            parts.append(numbered(decoded.images_NKHW, tree.labels_N))
            notes += [*tree.notes, *decoded.notes]
        train, test = parts
        dataset = assembled(f"imagenette {self.archive} {self.size} 1", train, test, classes, self.subset)
        return replace(dataset, notes=tuple(notes))


def _get(name: Name, root: Path) -> None:
    url = f"https://s3.amazonaws.com/fast-ai-imageclas/{name}.tgz"
    fetch_archive(Archive(name, url, MD5[name], name, r"(?:train|val)/n\d{8}/[^/]+\.JPEG"), root)
    for part, count in SAMPLES.items():
        if (found := len(find_images(root / name / part, len(CLASSES)).paths)) != count:
            raise ValueError(f"{root / name / part}: {found} images, officially {count}; delete {root / name}")


FETCHES: dict[str, Callable[[Path], None]] = {name: partial(_get, name) for name in MD5}
"""Name of an archive -> function that downloads it to a folder and checks it; raises as `fetch_archive` does."""
