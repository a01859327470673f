"""An image file as an array: any raster format that Pillow reads, upright, in the channels and size of a data set.

Transparency is dropped; of a file with several pictures (an animation, the pages of a TIFF) the first is used.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from overthink.data.files import shown

if TYPE_CHECKING:
    from PIL import Image

# fmt: off
SUFFIXES = frozenset({
    ".png", ".apng", ".webp", ".avif", ".gif", ".bmp", ".dib", ".tif", ".tiff",
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo",
    ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx",
    ".pbm", ".pgm", ".ppm", ".pnm", ".pfm", ".qoi", ".xbm", ".xpm",
    ".tga", ".icb", ".vda", ".vst", ".pcx", ".dcx", ".dds", ".ico", ".icns", ".cur",
    ".sgi", ".rgb", ".rgba", ".bw", ".ras", ".psd", ".im", ".msp",
})
# fmt: on
"""Of the raster formats that Pillow reads, in lower case."""
DRAWINGS = ("EPS", "WMF")
"""Formats without pixels, which Pillow hands to other programs."""
ORIENTATION = 0x0112
"""EXIF tag: how a camera was held, 1 to 8; 1 is upright."""
MOST_PIXELS = 2**28
"""Of a resized image, before its centre is cut out."""


class Size(NamedTuple):
    """The size that every image is converted to."""

    channels: int
    side: int
    resize: bool
    """Resize the short side to `side` (bicubic, antialiased) and crop the centre; if False, images must fit already."""
    upright: bool = True
    """Turn images as their EXIF orientation says; if False, pixels are as the file holds them."""


class ImageFile(NamedTuple):
    """The content of an image file."""

    image_KHW: NDArray[np.uint8]
    is_animated: bool
    """Whether there are more pictures in the file than this one."""


def read_image(path: Path, size: Size) -> NDArray[np.uint8]:
    """Return an image file as (K, H, W).

    Raises ValueError naming a file that cannot be read or does not fit.
    """
    return read_image_file(path, size).image_KHW


def read_image_file(path: Path, size: Size) -> ImageFile:
    """Return the content of an image file; as `read_image`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large photos, odd palettes, damaged EXIF: what is usable is used
            return _read(path, size)
    except Exception as error:  # Pillow raises errors of a dozen types for damaged files
        reason = " ".join(str(error).replace(repr(str(path)), "").replace(str(path), "").split())
        raise ValueError(f"{shown(path)}: unusable image: {reason or type(error).__name__}") from error


def is_animated(path: Path) -> bool:
    """Return whether an image file that can be read has more pictures than its first."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        with Image.open(path) as image:
            return bool(getattr(image, "is_animated", False))


def _read(path: Path, size: Size) -> ImageFile:
    from PIL import Image

    with Image.open(path) as image:
        if image.format in DRAWINGS:
            raise ValueError(f"{image.format} is a drawing without pixels")
        if image.mode[0] in "IF":
            raise ValueError(f"more than 8 bits per channel, mode {image.mode}")
        is_animated = bool(getattr(image, "is_animated", False))
        image.load()  # TIFF and PNG may hold the orientation behind the pixels
        turned = _upright(image) if size.upright else image
        converted = turned.convert("L" if size.channels == 1 else "RGB")
    pixels_HWK = np.asarray(_fitted(converted, size)).reshape(size.side, size.side, size.channels)
    return ImageFile(pixels_HWK.transpose(2, 0, 1), is_animated)


def _upright(image: "Image.Image") -> "Image.Image":
    from PIL import Image

    turn = Image.Transpose
    turns = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_270,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_90,
    }
    try:
        orientation = image.getexif().get(ORIENTATION)
    except Exception:  # noqa: BLE001 - damaged EXIF data, of which viewers take no notice either
        orientation = None
    return image.transpose(turns[orientation]) if orientation in turns else image


def _fitted(image: "Image.Image", size: Size) -> "Image.Image":
    from PIL import Image

    side, (width, height) = size.side, image.size
    if not size.resize:
        if (width, height) != (side, side):
            raise ValueError(f"{width}x{height} pixels, but size is {side} and resize is false")
        return image
    factor = side / min(width, height)
    wide, high = max(side, round(width * factor)), max(side, round(height * factor))
    if wide * high > max(MOST_PIXELS, width * height):
        raise ValueError(f"{width}x{height} pixels are too long and narrow to be resized to {wide}x{high}")
    left, top = (wide - side) // 2, (high - side) // 2
    return image.resize((wide, high), Image.Resampling.BICUBIC).crop((left, top, left + side, top + side))
