import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from overthink.data.dataset import Dataset, Split, digest_of


def split(images_NKHW: NDArray[np.uint8]) -> Split:
    rows = np.arange(len(images_NKHW))
    return Split(images_NKHW, rows % 2, rows % 3, rows + 100)


def dataset(images_NKHW: NDArray[np.uint8]) -> Dataset:
    return Dataset("some", split(images_NKHW), split(images_NKHW[:1] * 0), ("a", "b"), (), "0" * 64)


def random_images(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_rows_keep_what_belongs_together() -> None:
    whole = split(random_images(6, 1, 2, 2))
    chosen = whole.rows(np.array([4, 1]))
    assert chosen.ids_N.tolist() == [104, 101]
    assert chosen.labels_N.tolist() == [0, 1]
    assert chosen.levels_N.tolist() == [1, 1]
    assert (chosen.images_NKHW == whole.images_NKHW[[4, 1]]).all()


def test_image_shape() -> None:
    assert dataset(random_images(2, 3, 4, 5)).image_shape == (3, 4, 5)


def test_pixel_statistics_by_hand() -> None:
    images = np.array([[[[0, 255]], [[51, 51]]]], dtype=np.uint8)
    mean_K, std_K = dataset(images).pixel_statistics
    np.testing.assert_allclose(mean_K, [0.5, 0.2])
    np.testing.assert_allclose(std_K, [0.5, 1.0])  # the second channel never varies


def test_pixel_statistics_of_the_training_images_alone_against_numpy() -> None:
    images = random_images(2001, 2, 3, 4)
    images[:, 1] //= 3
    mean_K, std_K = dataset(images).pixel_statistics
    fractions = images / 255
    np.testing.assert_allclose(mean_K, [fractions[:, k].mean() for k in range(2)], rtol=1e-12)
    np.testing.assert_allclose(std_K, [fractions[:, k].std() for k in range(2)], rtol=1e-12)


def test_digest_by_hand() -> None:
    one = Split(np.array([[[[7]]]], dtype=np.uint8), *(np.array([n], dtype=np.int64) for n in (1, 2, 3)))
    text = b"v1" + b"|u1(1, 1, 1, 1)\x07"
    for n in (1, 2, 3):
        text += b"<i8(1,)" + bytes([n, 0, 0, 0, 0, 0, 0, 0])
    assert digest_of(one, version="v1") == hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize("changed", ["pixel", "label", "level", "id", "shape", "version", "order of splits"])
def test_digest_changes_with(changed: str) -> None:
    images, (labels, levels, ids) = random_images(4, 1, 2, 8), np.arange(12).reshape(3, 4)
    other = split(random_images(1, 1, 2, 8))
    before = digest_of(Split(images, labels, levels, ids), other, version="1")
    assert digest_of(Split(images.copy(), labels, levels, ids), other, version="1") == before
    images, one = images.copy(), np.array([1, 0, 0, 0])
    if changed == "pixel":
        images[0, 0, 0, 0] ^= 1
    if changed == "shape":
        images = images.reshape(4, 1, 4, 4)
    after = Split(
        images, labels + one * (changed == "label"), levels + one * (changed == "level"), ids + one * (changed == "id")
    )
    splits = (other, after) if changed == "order of splits" else (after, other)
    assert digest_of(*splits, version="2" if changed == "version" else "1") != before


def test_digest_does_not_ask_how_an_array_lies_in_memory() -> None:
    images = random_images(4, 2, 3, 3)
    turned = np.asfortranarray(images)
    assert digest_of(split(images), version="1") == digest_of(split(turned), version="1")
