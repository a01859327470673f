"""Folders of image files, one folder per class."""

import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overthink.data.files import shown
from overthink.data.image_file import SUFFIXES

MOST_NAMED = 5
"""Folders of which it is said what was left out of them; the rest is summed."""
RESOURCE_FORK = "._"
"""How names begin that macOS puts beside each file on a foreign disk or in an archive: `._cat.jpg` is no image."""


class ImageTree(NamedTuple):
    """The image files of one split of a data set, sorted by class and name."""

    folder: Path
    paths: tuple[Path, ...]
    labels_N: NDArray[np.int64]
    classes: tuple[str, ...]
    """Names of the class folders, sorted."""
    notes: tuple[str, ...]
    """What was left out, a sentence each."""


class _Listing(NamedTuple):
    images: list[Path]
    others: Counter[str]
    """Kind -> how many there are: `.txt`, `folder`."""


def find_images(folder: Path, n_classes: int) -> ImageTree:
    """List the image files `folder/<class>/*` of the formats in SUFFIXES, in upper or lower case; note all others.

    Raises ValueError if the folder does not exist, has another number of classes, or a class has no images.
    """
    if not folder.is_dir():
        raise ValueError(f"{shown(folder)}: no such folder; expected a folder of images with one subfolder per class")
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    classes = tuple(map(shown, names))
    if len(names) != n_classes:
        found = f" ({', '.join(classes[:MOST_NAMED])}{', ...' if len(names) > MOST_NAMED else ''})" if names else ""
        raise ValueError(
            f"{shown(folder)}: {len(names)} class folders{found}, but the definition has {n_classes} classes"
        )
    beside = _listed(folder)
    beside.others.update({"image": len(beside.images)})
    beside.others.pop("folder", None)  # the classes
    left_out = {folder: beside.others}
    paths, labels = [], []
    for label, name in enumerate(names):
        images, left_out[folder / name] = _listed(folder / name)
        if not images:
            there = f", only {_counted(left_out[folder / name])}" if left_out[folder / name] else ""
            raise ValueError(f"{shown(folder / name)}: no image in it{there}")
        paths += images
        labels += [label] * len(images)
    return ImageTree(folder, tuple(paths), np.array(labels, dtype=np.int64), classes, _notes(folder, left_out))


def _listed(folder: Path) -> _Listing:
    images, others = [], Counter[str]()
    with os.scandir(folder) as entries:
        for entry in entries:
            suffix = os.path.splitext(entry.name)[1].lower()
            if entry.is_dir():
                others["hidden folder" if entry.name.startswith(".") else "folder"] += 1
            elif suffix in SUFFIXES and not entry.name.startswith(RESOURCE_FORK):
                images.append(folder / entry.name)
            else:
                others["hidden file" if entry.name.startswith(".") else shown(suffix)] += 1
    return _Listing(sorted(images), others)


def _notes(folder: Path, left_out: dict[Path, Counter[str]]) -> tuple[str, ...]:
    named = [(place, others) for place, others in left_out.items() if others.total()]
    notes = [f"left out of {shown(place)}: {_counted(others)}" for place, others in named[:MOST_NAMED]]
    if rest := named[MOST_NAMED:]:
        total = sum((others for _, others in rest), Counter[str]())
        notes.append(f"left out of {len(rest)} more folders in {shown(folder)}: {_counted(total)}")
    return tuple(notes)


def _counted(others: Counter[str]) -> str:
    """Return kinds and numbers: `6 files of kind .txt, 1 folder`."""
    return ", ".join(_of_kind(kind, count) for kind, count in sorted(others.items()) if count)


def _of_kind(kind: str, count: int) -> str:
    several = "s" if count > 1 else ""
    if kind.startswith("."):
        return f"{count} file{several} of kind {kind}"
    return f"{count} {kind}{several}" if kind else f"{count} file{several} without an extension"
