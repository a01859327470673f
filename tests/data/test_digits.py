"""Reading digits: good files, and every way a file can be wrong."""

import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from overthink.data import digits
from overthink.data.digits import default_root, ink_boxes, load_digits, read_idx, read_mnist


def write_idx(path: Path, array: NDArray[np.uint8]) -> str:
    """Write an idx file; return its md5."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(header + array.tobytes())
    return hashlib.md5(path.read_bytes()).hexdigest()


def made(folder: Path) -> tuple[NDArray[np.uint8], dict[str, str]]:
    images = np.zeros((3, 28, 28), dtype=np.uint8)
    images[:, 5:20, 6:25] = np.random.default_rng(0).integers(1, 256, (3, 15, 19))
    md5 = {
        "train-images-idx3-ubyte": write_idx(folder / "train-images-idx3-ubyte", images),
        "train-labels-idx1-ubyte": write_idx(folder / "train-labels-idx1-ubyte", np.array([7, 0, 9], dtype=np.uint8)),
    }
    return images, md5


def test_idx_files_read_back(tmp_path: Path) -> None:
    images, md5 = made(tmp_path)
    read = read_mnist(tmp_path, "train", md5)
    assert read.labels_N.tolist() == [7, 0, 9]
    # ink of 15 rows and 19 columns, centred in 20x20: 2 rows above, no column before
    assert (read.images_NHW[:, 2:17, 0:19] == images[:, 5:20, 6:25]).all()
    assert read.images_NHW.sum() == images.sum()


@pytest.mark.parametrize("damage", [b"", b"x", b"longer than it was"])
def test_a_damaged_file_is_named_with_both_digests(tmp_path: Path, damage: bytes) -> None:
    _, md5 = made(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + damage)
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte: expected md5 [0-9a-f]{32}, found [0-9a-f]{32}"):
        read_idx(path, md5["train-images-idx3-ubyte"])


def test_the_expected_md5_comes_before_the_found_one(tmp_path: Path) -> None:
    path = tmp_path / "train-labels-idx1-ubyte"
    good = write_idx(path, np.array([7, 0, 9], dtype=np.uint8))
    altered = write_idx(path, np.array([7, 0, 8], dtype=np.uint8))
    with pytest.raises(ValueError, match="expected md5") as caught:
        read_idx(path, good)
    assert str(caught.value).startswith(f"{path}: expected md5 {good}, found {altered} (11 bytes)")


def test_a_missing_file_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no such file; download it with `overthink data get mnist`.*--data-root"):
        load_digits("mnist", "train", tmp_path)


def test_images_and_labels_must_agree(tmp_path: Path) -> None:
    _, md5 = made(tmp_path)
    name = "train-labels-idx1-ubyte"
    md5[name] = write_idx(tmp_path / name, np.array([1], dtype=np.uint8))
    with pytest.raises(ValueError, match="3 images, but 1 labels"):
        read_mnist(tmp_path, "train", md5)


def test_ink_boxes_against_a_loop() -> None:
    rng = np.random.default_rng(1)
    images = np.zeros((50, 28, 28), dtype=np.uint8)
    for image in images:
        top, left, height, width = rng.integers(0, 8), rng.integers(0, 8), rng.integers(1, 21), rng.integers(1, 21)
        image[top : top + height, left : left + width] = rng.integers(1, 256)
    for image, box in zip(images, ink_boxes(images), strict=True):
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        ink = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        expected = np.zeros((20, 20), dtype=np.uint8)
        top, left = (20 - ink.shape[0]) // 2, (20 - ink.shape[1]) // 2
        expected[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
        assert (box == expected).all()


@pytest.mark.parametrize("height, width", [(21, 3), (3, 21)])
def test_ink_that_does_not_fit_is_refused(height: int, width: int) -> None:
    images = np.zeros((1, 28, 28), dtype=np.uint8)
    images[0, 2 : 2 + height, 4 : 4 + width] = 1
    with pytest.raises(ValueError, match=f"a digit of {height}x{width} pixels, more than 20x20"):
        ink_boxes(images)


def test_an_image_without_ink_stays_empty() -> None:
    assert (ink_boxes(np.zeros((2, 28, 28), dtype=np.uint8)) == np.zeros((2, 20, 20))).all()


def test_the_embedded_digits_are_balanced_and_whole() -> None:
    for part, each in (("train", 800), ("test", 200)):
        found = load_digits("embedded", part)  # type: ignore[arg-type]
        assert found.images_NHW.shape == (10 * each, 20, 20)
        assert np.bincount(found.labels_N).tolist() == [each] * 10
        assert len(set(found.ids_N.tolist())) == 10 * each


def test_an_altered_embedded_file_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(digits, "EMBEDDED", tmp_path / "digits.npz")
    with pytest.raises(ValueError, match="found nothing; reinstall the package"):
        load_digits("embedded", "train")
    (tmp_path / "digits.npz").write_bytes(b"other")
    with pytest.raises(ValueError, match="expected SHA-256"):
        load_digits("embedded", "train")


def test_embedded_digits_of_another_digest_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = digits.EMBEDDED_SHA256
    monkeypatch.setattr(digits, "EMBEDDED_SHA256", "0" * 64)
    with pytest.raises(ValueError, match=f"digits.npz: expected SHA-256 {'0' * 64}, found {shipped};"):
        load_digits("embedded", "test")


def test_the_data_folder_is_the_users_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OVERTHINK_DATA", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.delenv("OVERTHINK_DATA")
    assert default_root().name == "data"
