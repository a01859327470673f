import hashlib
from pathlib import Path

import numpy as np
import pytest

from overthink.data import mnist
from overthink.data.augment import AugmentSpec
from overthink.data.mnist import FACTS, Kind, MnistSpec
from support.data_files import idx, idx_files, images

KINDS: tuple[tuple[Kind, str], ...] = (("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST"))


@pytest.mark.parametrize("kind, folder", KINDS)
def test_as_published(tmp_path: Path, kind: Kind, folder: str) -> None:
    spec = MnistSpec(kind=kind, verify=False)
    assert not spec.is_here(tmp_path)
    dataset = spec.load(idx_files(tmp_path, folder))
    assert spec.is_here(tmp_path)
    assert dataset.name == kind
    assert (dataset.train.images_NKHW[:, 0] == images(20, 28, 28, seed=0)).all()
    assert (dataset.test.images_NKHW[:, 0] == images(20, 28, 28, seed=1)).all()
    assert dataset.train.labels_N.tolist() == [n % 10 for n in range(20)]
    assert dataset.image_shape == spec.input_shape == (1, 28, 28)
    assert dataset.train.images_NKHW.flags.writeable  # torch warns otherwise


def test_what_tells_them_apart(tmp_path: Path) -> None:
    assert MnistSpec(kind="mnist").augment == AugmentSpec()
    assert MnistSpec(kind="fashion-mnist").augment == AugmentSpec(pad=4, flip=True)
    assert FACTS["fashion-mnist"].classes[9] == "Ankle boot"
    with pytest.raises(
        ValueError, match=r"FashionMNIST/raw/.*no such file; download it with `overthink data get fashion"
    ):
        MnistSpec(kind="fashion-mnist").load(tmp_path)


def test_checksums_and_published_statistics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = idx_files(tmp_path, "FashionMNIST") / "FashionMNIST" / "raw"
    spec = MnistSpec(kind="fashion-mnist")
    with pytest.raises(ValueError, match="expected md5 f4a8712d7a061bf5bd6d2ca38dc4d50a, found"):
        spec.load(tmp_path)
    for name in mnist.FASHION_FILES:
        md5 = hashlib.md5((raw / name).read_bytes(), usedforsecurity=False).hexdigest()
        monkeypatch.setitem(mnist.FASHION_FILES, name, md5)
    mean_K, std_K = spec.load(tmp_path).pixel_statistics
    assert (mean_K.tolist(), std_K.tolist()) == ([0.2860], [0.3530])
    local = MnistSpec(kind="fashion-mnist", verify=False).load(tmp_path)
    np.testing.assert_allclose(local.pixel_statistics[0], (local.train.images_NKHW / 255).mean())


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("train-images-idx3-ubyte", idx(images(20, 28, 27)), r"images of shape \(28, 27\), not \(28, 28\)"),
        ("train-labels-idx1-ubyte", idx(np.zeros(19, np.uint8)), "20 images, but 19 labels"),
        ("t10k-labels-idx1-ubyte", idx(np.full(20, 10, np.uint8)), "label 10 is not one of 0 to 9"),
        ("t10k-labels-idx1-ubyte", idx(np.zeros(20, np.uint8)), "9 of 10 classes have no image, the first is 1"),
        ("t10k-images-idx3-ubyte", idx(images(20, 28, 28))[:-1], r"header gives .*run `overthink data get mnist`"),
    ],
)
def test_damage_is_one_sentence(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (idx_files(tmp_path, "MNIST") / "MNIST" / "raw" / name).write_bytes(content)
    with pytest.raises(ValueError, match=said):
        MnistSpec(kind="mnist", verify=False).load(tmp_path)
