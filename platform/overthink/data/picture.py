"""A picture of a data set: samples of every class and level."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from overthink.data.dataset import Dataset

if TYPE_CHECKING:
    from PIL import Image

CELL = 96
"""Pixels that a sample is at least enlarged to, by a whole factor so that its pixels stay square."""
GAP, LEVEL_GAP, MARGIN, HEADING = 4, 14, 16, 40
FONT_SIZE = 16
PAPER, INK = (255, 255, 255), (40, 40, 40)


def sample_grid(dataset: Dataset, per_cell: int = 1, most_classes: int = 10) -> "Image.Image":
    """Return a picture with a column a class and `per_cell` rows a level: the first test samples of each.

    Images of three channels are shown in colour, all others by the mean of their channels: pixels that became
    channels (`space_to_depth`) are seen shrunk. A cell without samples stays empty.
    """
    from PIL import Image, ImageDraw, ImageFont

    classes, levels = dataset.classes[:most_classes], dataset.levels or ("",)
    font = ImageFont.load_default(FONT_SIZE)
    left = 2 * MARGIN + math.ceil(max(font.getlength(level) for level in levels))
    _, height, width = scaled = tuple(_scale(dataset) * side for side in dataset.image_shape)
    level_step = per_cell * (height + GAP) + LEVEL_GAP
    size = left + len(classes) * (width + GAP) + MARGIN, HEADING + len(levels) * level_step + MARGIN - LEVEL_GAP
    picture = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(picture)
    for column, name in enumerate(classes):
        x = left + column * (width + GAP)
        draw.text((x + width // 2, HEADING // 2), name, fill=INK, font=font, anchor="mm")
        for row in range(len(levels)):
            for place, image_KHW in enumerate(_samples(dataset, column, row, per_cell)):
                y = HEADING + row * level_step + place * (height + GAP)
                picture.paste(_as_image(image_KHW).resize(scaled[:0:-1], Image.Resampling.NEAREST), (x, y))
    for row, level in enumerate(levels):
        y = HEADING + row * level_step + (level_step - LEVEL_GAP - GAP) // 2
        draw.text((left - MARGIN, y), level, fill=INK, font=font, anchor="rm")
    return picture


def _scale(dataset: Dataset) -> int:
    return math.ceil(CELL / min(dataset.image_shape[1:]))


def _samples(dataset: Dataset, label: int, level: int, count: int) -> NDArray[np.uint8]:
    rows = np.flatnonzero((dataset.test.labels_N == label) & (dataset.test.levels_N == level))
    return dataset.test.images_NKHW[rows[:count]]


def _as_image(image_KHW: NDArray[np.uint8]) -> "Image.Image":
    from PIL import Image

    colour = image_KHW.shape[0] == 3
    pixels = image_KHW.transpose(1, 2, 0) if colour else image_KHW.mean(axis=0).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
