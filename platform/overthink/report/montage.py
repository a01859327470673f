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
    """Return a square picture whose pixels stay square."""
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(image_HW3)).resize((cell, cell), Image.Resampling.NEAREST)


def montage(images: Sequence[NDArray[np.uint8]]) -> bytes:
    """Return a PNG file of images (K, H, W), row by row."""
    from PIL import Image

    rows = -(-len(images) // COLUMNS)
    width = min(len(images), COLUMNS) * (CELL + GAP) - GAP
    picture = Image.new("RGB", (max(width, 1), max(rows * (CELL + GAP) - GAP, 1)), (255, 255, 255))
    for place, image_KHW in enumerate(images):
        row, column = divmod(place, COLUMNS)
        picture.paste(enlarged(as_rgb(image_KHW), CELL), (column * (CELL + GAP), row * (CELL + GAP)))
    content = BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()
