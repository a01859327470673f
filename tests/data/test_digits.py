"""Digits and their files: idx files and every way one can be wrong, the ones that ship, fetching MNIST, mending it."""

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from overthink.data import digits
from overthink.data.digits import (
    MNIST_FILES,
    default_root,
    get_mnist,
    ink_boxes,
    load_digits,
    mnist_is_here,
    read_idx,
)
from overthink.data.embedded import make
from support.data_files import idx, written
from support.file_server import serving

AGAIN = "overthink data get mnist"


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def small_mnist(per_digit: int = 3) -> dict[str, bytes]:
    """All four files, with random 12x9 ink somewhere in 28x28."""
    rng, files = np.random.default_rng(0), {}
    for prefix in ("train", "t10k"):
        labels = rng.permutation(np.repeat(np.arange(10, dtype=np.uint8), per_digit))
        images = np.zeros((len(labels), 28, 28), dtype=np.uint8)
        for image in images:
            top, left = rng.integers(0, 16, size=2)
            image[top : top + 12, left : left + 9] = rng.integers(1, 256, size=(12, 9))
        files[f"{prefix}-images-idx3-ubyte"] = idx(images)
        files[f"{prefix}-labels-idx1-ubyte"] = idx(labels)
    return files


@pytest.fixture
def mnist_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A small MNIST; for the length of a test, its md5s are the published ones."""
    files = small_mnist()
    for name, content in files.items():
        monkeypatch.setitem(MNIST_FILES, name, md5(content))
    return files


def placed(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        written(root / "MNIST" / "raw" / name, content)
    return root


def test_idx_by_hand(tmp_path: Path) -> None:
    content = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 10, 20, 30, 40, 50, 60])
    array = read_idx(written(tmp_path / "some", content), md5(content))
    assert array.dtype == np.uint8
    assert array.tolist() == [[10, 20, 30], [40, 50, 60]]


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "begins with nothing"),
        (b"\x1f\x8b\x08\x00gzip", "not an idx file of bytes; it begins with 1f8b08"),
        (b"\0\0\x0d\x01\0\0\0\0", "begins with 00000d"),
        (b"\0\0\x08", "3 bytes, but its header gives 5"),
        (b"\0\0\x08\x03\0\0", "6 bytes, but its header gives 16"),
        (idx(np.ones((5, 4), np.uint8))[:-3], "29 bytes, but its header gives 32"),
        (idx(np.ones((5, 4), np.uint8)) + b"!", "33 bytes, but its header gives 32"),
    ],
)
def test_no_whole_idx_file(tmp_path: Path, content: bytes, said: str) -> None:
    path = written(tmp_path / "train-images-idx3-ubyte", content)
    with pytest.raises(ValueError, match=said) as caught:
        read_idx(path, md5(content))
    assert str(caught.value).startswith(f"{path}: ")
    assert AGAIN in str(caught.value)


@pytest.mark.parametrize("damage", [b"", b"x", b"longer than it was"])
def test_a_damaged_file_is_named_with_both_digests(tmp_path: Path, damage: bytes) -> None:
    good = idx(np.ones((5, 4), np.uint8))
    altered = good[: len(good) // 2] + damage
    path = written(tmp_path / "train-images-idx3-ubyte", altered)
    with pytest.raises(ValueError, match="expected md5") as caught:
        read_idx(path, md5(good))
    digests = f"expected md5 {md5(good)}, found {md5(altered)} ({len(altered)} bytes)"
    assert str(caught.value).startswith(f"{path}: {digests}")


def test_a_missing_file_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no such file; download it with `overthink data get mnist`.*--data-root"):
        load_digits("mnist", "train", tmp_path)


def test_images_and_labels_must_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mnist_files: dict[str, bytes]
) -> None:
    name, one_label = "train-labels-idx1-ubyte", idx(np.array([1], np.uint8))
    monkeypatch.setitem(MNIST_FILES, name, md5(one_label))
    placed(tmp_path, mnist_files | {name: one_label})
    with pytest.raises(ValueError, match="30 images, but 1 labels"):
        load_digits("mnist", "train", tmp_path)


def test_mnist_is_read_from_a_root(tmp_path: Path, mnist_files: dict[str, bytes]) -> None:
    placed(tmp_path, mnist_files)
    for part, prefix in (("train", "train"), ("test", "t10k")):
        found = load_digits("mnist", part, tmp_path)  # type: ignore[arg-type]
        assert found.images_NHW.shape == (30, 20, 20)
        images_NHW = np.frombuffer(mnist_files[f"{prefix}-images-idx3-ubyte"][16:], np.uint8).reshape(30, 28, 28)
        assert (found.images_NHW == ink_boxes(images_NHW)).all()
        assert found.labels_N.tolist() == list(mnist_files[f"{prefix}-labels-idx1-ubyte"][8:])
        assert found.labels_N.dtype == found.ids_N.dtype == np.int64
        assert found.ids_N.tolist() == list(range(30))


def test_ink_is_centred_by_hand() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 20:25, 3:5] = 9  # 5 rows, 2 columns: 7 rows above and 8 below, 9 columns on both sides
    box = ink_boxes(image)[0]
    assert (box[7:12, 9:11] == 9).all()
    assert box.sum() == 90


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


def test_embedded_digits() -> None:
    for part, per_digit, available in (("train", 800, 60_000), ("test", 200, 10_000)):
        found = load_digits("embedded", part)  # type: ignore[arg-type]
        assert found.images_NHW.shape == (10 * per_digit, 20, 20)
        assert found.images_NHW.dtype == np.uint8
        assert np.bincount(found.labels_N).tolist() == [per_digit] * 10
        assert len(np.unique(found.ids_N)) == 10 * per_digit
        assert 0 <= found.ids_N.min() < found.ids_N.max() < available
        assert (found.images_NHW.max(axis=(1, 2)) > 100).all()
        assert (ink_boxes(found.images_NHW) == found.images_NHW).all()


def test_an_altered_embedded_file_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(digits, "EMBEDDED", tmp_path / "digits.npz")
    with pytest.raises(ValueError, match="found nothing; reinstall the package"):
        load_digits("embedded", "train")
    (tmp_path / "digits.npz").write_bytes(b"other")
    found = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(ValueError, match=f"digits.npz: expected SHA-256 {digits.EMBEDDED_SHA256}, found {found};"):
        load_digits("embedded", "train")


def test_no_embedded_test_digit_is_a_training_digit() -> None:
    train, test = ({image.tobytes() for image in load_digits("embedded", part).images_NHW} for part in digits.PARTS)
    assert not train & test


def test_the_readme_names_the_digest() -> None:
    assert digits.EMBEDDED_SHA256 in (digits.EMBEDDED.parent / "README.md").read_text()
    assert digits.EMBEDDED.stat().st_size < 2_500_000


def test_making_the_embedded_digits_twice_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mnist_files: dict[str, bytes]
) -> None:
    root, made = placed(tmp_path, mnist_files), []
    monkeypatch.setattr(make, "PER_DIGIT", {"train": 2, "test": 1})
    for name in ("one.npz", "two.npz"):
        monkeypatch.setattr(make, "EMBEDDED", tmp_path / name)
        make.main(root)
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    monkeypatch.setattr(digits, "EMBEDDED", tmp_path / "one.npz")
    monkeypatch.setattr(digits, "EMBEDDED_SHA256", hashlib.sha256(made[0]).hexdigest())
    for part, per_digit in (("train", 2), ("test", 1)):
        chosen, everything = load_digits("embedded", part), load_digits("mnist", part, root)  # type: ignore[arg-type]
        assert np.bincount(chosen.labels_N).tolist() == [per_digit] * 10
        assert (chosen.images_NHW == everything.images_NHW[chosen.ids_N]).all()
        assert (chosen.labels_N == everything.labels_N[chosen.ids_N]).all()


def test_where_data_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mnist_files: dict[str, bytes]) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("OVERTHINK_DATA", raising=False)
    assert default_root() == tmp_path / ".cache" / "overthink" / "data"
    monkeypatch.setenv("OVERTHINK_DATA", str(tmp_path / "elsewhere"))
    assert default_root() == tmp_path / "elsewhere"
    assert not mnist_is_here(default_root())
    placed(tmp_path / "elsewhere", mnist_files)
    assert mnist_is_here(default_root())
    assert len(load_digits("mnist", "test").labels_N) == 30


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mnist_files: dict[str, bytes]) -> Iterator[None]:
    """Let torchvision fetch the small MNIST from a server on this machine."""
    from torchvision.datasets import MNIST

    packed = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in mnist_files.items()}
    for name, content in packed.items():
        written(tmp_path / "mirror" / name, content)
    with serving(tmp_path / "mirror") as url:
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(MNIST, "mirrors", [f"{url}/"])
        monkeypatch.setattr(MNIST, "resources", [(name, md5(content)) for name, content in packed.items()])
        yield


@pytest.mark.usefixtures("mirror")
def test_mnist_is_fetched_and_mended(tmp_path: Path, mnist_files: dict[str, bytes]) -> None:
    root = tmp_path / "data"
    get_mnist(root)
    assert len(load_digits("mnist", "train", root).labels_N) == 30
    damaged = root / "MNIST" / "raw" / "train-images-idx3-ubyte"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"expected md5 .* \(1000 bytes\); delete it and run"):
        get_mnist(root)
    damaged.unlink()
    get_mnist(root)
    assert damaged.read_bytes() == mnist_files[damaged.name]


def test_mnist_that_cannot_be_fetched_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", [f"{(tmp_path / 'nowhere').as_uri()}/"])
    with pytest.raises(OSError, match="MNIST could not be downloaded to") as caught:
        get_mnist(tmp_path / "data")
    assert len(str(caught.value).splitlines()) == 1
