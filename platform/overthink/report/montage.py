"""Small images side by side in one picture."""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

CELL, GAP, COLUMNS = 80, 6, 12


def as_rgb(image_KHW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (H, W, 3); channels are averaged where there are not three of them."""
    if len(image_KHW) == 3:
        return np.moveaxis(image_KHW, 0, 2)
    grey_HW = image_KHW.mean(axis=0).astype(np.uint8)
    return np.repeat(grey_HW[:, :, None], 3, axis=2)


def enlarged(image_HW3: NDArray[np.uint8], cell: int) -> "Image.Image":
    """Return a picture about as wide as a cell, each pixel equally often; never smaller than the image."""
    from PIL import Image

    factor = max(1, round(cell / image_HW3.shape[1]))
    return Image.fromarray(np.repeat(np.repeat(image_HW3, factor, axis=0), factor, axis=1))


def montage(images: Sequence[NDArray[np.uint8]]) -> bytes:
    """Return a PNG file of images (K, H, W) of one size, one or more, row by row."""
    from PIL import Image

    cells = [enlarged(as_rgb(image_KHW), CELL) for image_KHW in images]
    width, height = cells[0].width + GAP, cells[0].height + GAP
    rows = -(-len(cells) // COLUMNS)
    picture = Image.new("RGB", (min(len(cells), COLUMNS) * width - GAP, rows * height - GAP), (255, 255, 255))
    for place, cell in enumerate(cells):
        row, column = divmod(place, COLUMNS)
        picture.paste(cell, (column * width, row * height))
    content = BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()
