"""One image file: upright, first picture, in 8 bits; what is none is named in a sentence."""

import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from overthink.data import image_file
from overthink.data.image_file import Size, is_animated, read_image, read_image_file
from overthink.data.max_min_mnist import MaxMinMnistSpec
from support.data_files import images

FIT = Size(3, 8, resize=False)
PIXELS = images(8, 8, 3)
"""(H, W, K)."""
AS_STORED: dict[int, NDArray[np.uint8]] = {
    1: PIXELS,
    2: PIXELS[:, ::-1],
    3: PIXELS[::-1, ::-1],
    4: PIXELS[::-1],
    5: PIXELS.transpose(1, 0, 2),
    6: np.rot90(PIXELS, 1),
    7: PIXELS[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(PIXELS, -1),
}
"""EXIF orientation -> pixels of a file that is shown as PIXELS."""


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


@pytest.mark.parametrize("orientation", AS_STORED)
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_turned_as_every_viewer_shows_it(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = tmp_path / f"1.{suffix}"
    how: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(np.ascontiguousarray(AS_STORED[orientation])).save(path, exif=exif(orientation), **how)
    assert (read_image(path, FIT).transpose(1, 2, 0) == PIXELS).all()
    as_stored = read_image(path, FIT._replace(upright=False)).transpose(1, 2, 0)
    assert suffix == "tif" or (as_stored == AS_STORED[orientation]).all()  # Pillow turns TIFF by itself


def test_jpeg_from_a_phone_held_upright(tmp_path: Path) -> None:
    tall = np.zeros((24, 16, 3), np.uint8)
    tall[:8] = 250  # the sky
    for name, pixels, orientation in (("upright", tall, 1), ("phone", np.rot90(tall, 1), 6)):
        Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / f"{name}.jpg", exif=exif(orientation), quality=95)
    for size in (Size(3, 16, resize=True), Size(1, 16, resize=True)):
        one, other = (read_image(tmp_path / f"{name}.jpg", size).astype(int) for name in ("upright", "phone"))
        assert np.abs(one - other).max() < 12
        assert one[0, 0].min() > 200
        assert one[0, -1].max() < 50


def test_the_size_is_that_of_the_upright_image(tmp_path: Path) -> None:
    Image.new("RGB", (4, 8)).save(tmp_path / "1.png", exif=exif(6))
    with pytest.raises(ValueError, match="8x4 pixels, but size is 8"):
        read_image(tmp_path / "1.png", FIT)


def test_every_data_set_reads_upright_images(tmp_path: Path) -> None:
    spec = MaxMinMnistSpec(kind="max-min-mnist", digits="embedded", train=80, test=40, shrink=4)
    Image.fromarray(PIXELS).resize((64, 64)).save(tmp_path / "1.png")
    turned = Image.open(tmp_path / "1.png").transpose(Image.Transpose.ROTATE_90)
    turned.save(tmp_path / "2.png", exif=exif(6))
    assert (spec.read_image(tmp_path / "1.png") == spec.read_image(tmp_path / "2.png")).all()


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_orientations_that_do_not_exist(tmp_path: Path, orientation: int) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "1.png", exif=exif(orientation))
    assert (read_image(tmp_path / "1.png", FIT).transpose(1, 2, 0) == PIXELS).all()


@pytest.mark.parametrize("damaged", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + b"\xff" * 40])
def test_damaged_exif_data_is_no_damaged_image(tmp_path: Path, damaged: bytes) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "1.jpg", exif=damaged)
    assert read_image(tmp_path / "1.jpg", FIT).shape == (3, 8, 8)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif", "apng"])
def test_the_first_of_several_pictures(tmp_path: Path, suffix: str) -> None:
    path, pages = tmp_path / f"1.{suffix}", [Image.new("RGB", (8, 8), (value, 0, 0)) for value in (40, 50, 60)]
    how: dict[str, Any] = {"lossless": True} if suffix == "webp" else {}
    pages[0].save(path, format="PNG" if suffix == "apng" else None, save_all=True, append_images=pages[1:], **how)
    found = read_image_file(path, FIT)
    assert (found.is_animated, set(found.image_KHW[0].ravel())) == (True, {40})
    assert is_animated(path)
    pages[0].save(path, format="PNG" if suffix == "apng" else None)
    assert not read_image_file(path, FIT).is_animated
    assert not is_animated(path)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "PA", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV"])
@pytest.mark.parametrize("channels", [1, 3])
def test_modes(tmp_path: Path, mode: str, channels: int) -> None:
    suffix = {"CMYK": "tif", "YCbCr": "tif", "RGBX": "tif", "PA": "tif", "HSV": "png"}.get(mode, "png")
    image = Image.fromarray(PIXELS).convert("RGBA").convert("P" if mode == "PA" else mode)
    if mode in ("HSV", "PA"):
        image = image.convert("RGBA")
    image.save(tmp_path / f"1.{suffix}")
    with Image.open(tmp_path / f"1.{suffix}") as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's advice about palettes
        expected = np.asarray(opened.convert("L" if channels == 1 else "RGB")).reshape(8, 8, channels)
    found = read_image(tmp_path / f"1.{suffix}", FIT._replace(channels=channels))
    assert (found.transpose(1, 2, 0) == expected).all()


@pytest.mark.parametrize("kind", ["uint16 png", "uint16 tif", "int32 tif", "float tif", "float pfm"])
def test_more_than_8_bits_are_refused(tmp_path: Path, kind: str) -> None:
    dtype, suffix = kind.split()
    pixels = np.full((8, 8), 0.5 if dtype == "float" else 40_000, dtype={"float": np.float32}.get(dtype, dtype))
    Image.fromarray(pixels).save(tmp_path / f"1.{suffix}")
    with pytest.raises(ValueError, match=rf"1\.{suffix}: unusable image: more than 8 bits per channel, mode [IF]"):
        read_image(tmp_path / f"1.{suffix}", FIT)


def test_a_drawing_is_not_handed_to_another_program(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "1.eps")
    (tmp_path / "1.eps").rename(tmp_path / "1.png")
    with pytest.raises(ValueError, match=r"1\.png: unusable image: EPS is a drawing"):
        read_image(tmp_path / "1.png", FIT)


def test_large_and_narrow_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (1, 60_000)).save(tmp_path / "narrow.png")
    with pytest.raises(ValueError, match="1x60000 pixels are too long and narrow to be resized to 100x6000000"):
        read_image(tmp_path / "narrow.png", Size(1, 100, resize=True))
    Image.fromarray(PIXELS).save(tmp_path / "photo.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)  # Pillow warns from here on, and refuses from twice as many
    assert read_image(tmp_path / "photo.png", FIT).shape == (3, 8, 8)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(ValueError, match=r"photo\.png: unusable image: .*decompression bomb"):
        read_image(tmp_path / "photo.png", FIT)


def test_whatever_pillow_raises_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "1.png")
    for error in (struct.error("unpack"), KeyError(3), MemoryError(), ZeroDivisionError("by\nzero"), RecursionError()):

        def raising(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(image_file, "_fitted", raising)
        with pytest.raises(ValueError, match=r"1\.png: unusable image: \S") as caught:
            read_image(tmp_path / "1.png", FIT)
        assert len(str(caught.value).splitlines()) == 1


def test_mutated_files_are_images_or_a_sentence(tmp_path: Path) -> None:
    rng, path = np.random.default_rng(0), tmp_path / "1.bin"
    wholes, said = [], []
    for kind in ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "JPEG2000"):
        Image.fromarray(PIXELS).save(path, kind)
        wholes.append(path.read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in range(240):
            content = bytearray(wholes[n % len(wholes)])
            for place in rng.integers(0, len(content), 1 + n % 5):
                content[place] = rng.integers(0, 256)
            path.write_bytes(content[: rng.integers(1, len(content))] if n % 3 == 0 else content)
            try:
                assert read_image(path, Size(3, 8, resize=True)).shape == (3, 8, 8)
            except ValueError as error:
                said.append(str(error))
    assert len(said) > 50
    assert all(sentence.startswith(f"{path}: unusable image: ") and "\n" not in sentence for sentence in said)
