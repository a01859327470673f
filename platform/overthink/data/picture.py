"""A picture of a data set with samples of every class and level."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overthink.data.dataset import Dataset

if TYPE_CHECKING:
    from PIL import Image, ImageFont

CELL = 96
"""Minimum size of a sample in pixels; it is enlarged by a whole factor."""
GAP, LEVEL_GAP, MARGIN, HEADING = 4, 14, 16, 40
FONT_SIZE = 16
PAPER, INK = (255, 255, 255), (40, 40, 40)


class _Layout(NamedTuple):
    left: int
    width: int
    height: int
    per_cell: int

    def x(self, column: int) -> int:
        return self.left + column * (self.width + GAP)

    def y(self, level: int, place: int = 0) -> int:
        return HEADING + level * LEVEL_GAP + (level * self.per_cell + place) * (self.height + GAP)


def sample_grid(dataset: Dataset, per_cell: int = 1, most_classes: int = 10) -> "Image.Image":
    """Return a picture with one column per class and `per_cell` rows per level: the first test samples of each.

    Images of three channels are shown in colour, others as the mean of their channels. A place without a sample stays
    empty.
    """
    from PIL import Image, ImageFont

    classes, levels = dataset.classes[:most_classes], dataset.levels or ("",)
    font = ImageFont.load_default(FONT_SIZE)
    layout = _layout(dataset, levels, per_cell, font)
    size = layout.x(len(classes)) - GAP + MARGIN, layout.y(len(levels)) - GAP - LEVEL_GAP + MARGIN
    picture = Image.new("RGB", size, PAPER)
    for column in range(len(classes)):
        for level in range(len(levels)):
            for place, image_KHW in enumerate(_samples(dataset, column, level, per_cell)):
                picture.paste(_enlarged(image_KHW, layout), (layout.x(column), layout.y(level, place)))
    _write_names(picture, classes, levels, layout, font)
    return picture


def _layout(
    dataset: Dataset, levels: tuple[str, ...], per_cell: int, font: "ImageFont.ImageFont | ImageFont.FreeTypeFont"
) -> _Layout:
    height, width = dataset.test.images_NKHW.shape[2:]
    factor = math.ceil(CELL / min(height, width))
    widest = math.ceil(max(font.getlength(level) for level in levels))
    return _Layout(2 * MARGIN + widest, factor * width, factor * height, per_cell)


def _write_names(
    picture: "Image.Image",
    classes: tuple[str, ...],
    levels: tuple[str, ...],
    layout: _Layout,
    font: "ImageFont.ImageFont | ImageFont.FreeTypeFont",
) -> None:
    from PIL import ImageDraw

    draw = ImageDraw.Draw(picture)
    for column, name in enumerate(classes):
        draw.text((layout.x(column) + layout.width // 2, HEADING // 2), name, fill=INK, font=font, anchor="mm")
    for level, name in enumerate(levels):
        middle = (layout.y(level) + layout.y(level, layout.per_cell) - GAP) // 2
        draw.text((layout.left - MARGIN, middle), name, fill=INK, font=font, anchor="rm")


def _samples(dataset: Dataset, label: int, level: int, count: int) -> NDArray[np.uint8]:
    rows = np.flatnonzero((dataset.test.labels_N == label) & (dataset.test.levels_N == level))
    return dataset.test.images_NKHW[rows[:count]]


def _enlarged(image_KHW: NDArray[np.uint8], layout: _Layout) -> "Image.Image":
    from PIL import Image

    colour = image_KHW.shape[0] == 3
    pixels = image_KHW.transpose(1, 2, 0) if colour else image_KHW.mean(axis=0).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    return image.resize((layout.width, layout.height), Image.Resampling.NEAREST)
