"""A picture of a data set: samples of every class and level."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from overthink.data.dataset import Dataset

if TYPE_CHECKING:
    from PIL import Image

CELL = 96
"""Pixels that a sample is at least enlarged to."""
GAP, MARGIN_LEFT, MARGIN_TOP = 6, 88, 34
PAPER, INK = (255, 255, 255), (40, 40, 40)


def sample_grid(dataset: Dataset, per_class: int = 1, most_classes: int = 10) -> "Image.Image":
    """Return a picture with a column a class and rows for each level: the first test samples of each.

    Images of three channels are shown in colour, all others by the mean of their channels.
    """
    from PIL import Image, ImageDraw

    classes = dataset.classes[:most_classes]
    levels = dataset.levels or ("",)
    side = max(CELL, dataset.image_shape[1]) + GAP
    size = MARGIN_LEFT + side * len(classes), MARGIN_TOP + side * per_class * len(levels)
    picture = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(picture)
    for column, name in enumerate(classes):
        draw.text((MARGIN_LEFT + side * column + 4, 10), name, fill=INK, font_size=16)
    for row, level in enumerate(levels):
        draw.text((10, MARGIN_TOP + side * per_class * row + CELL // 2 - 10), level, fill=INK, font_size=16)
        for column in range(len(classes)):
            for place, image_KHW in enumerate(_samples(dataset, column, row, per_class)):
                corner = MARGIN_LEFT + side * column, MARGIN_TOP + side * (per_class * row + place)
                picture.paste(_enlarged(image_KHW, side - GAP), corner)
    return picture


def _samples(dataset: Dataset, label: int, level: int, count: int) -> NDArray[np.uint8]:
    rows = np.flatnonzero((dataset.test.labels_N == label) & (dataset.test.levels_N == level))
    return dataset.test.images_NKHW[rows[:count]]


def _enlarged(image_KHW: NDArray[np.uint8], side: int) -> "Image.Image":
    from PIL import Image

    colour = image_KHW.shape[0] == 3
    pixels = image_KHW.transpose(1, 2, 0) if colour else image_KHW.mean(axis=0).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB").resize((side, side), Image.Resampling.NEAREST)
