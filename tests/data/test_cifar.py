import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from overthink.data import cifar
from overthink.data.cifar import CIFAR_100_STATISTICS, Cifar10Spec, Cifar100Spec
from overthink.data.digits import default_root
from overthink.data.subset import SubsetSpec
from support.data_files import cifar_10, cifar_100

LOCAL = Cifar100Spec(kind="cifar-100", verify=False)
LOCAL_10 = Cifar10Spec(kind="cifar-10", verify=False)


def test_against_reading_byte_by_byte(tmp_path: Path) -> None:
    dataset = LOCAL.load(cifar_100(tmp_path))
    content = (tmp_path / "cifar-100-binary" / "train.bin").read_bytes()
    for n in (0, 57, 99):
        record = content[n * 3074 : (n + 1) * 3074]
        assert dataset.train.labels_N[n] == record[1]
        for channel, row, column in ((0, 0, 0), (1, 2, 31), (2, 31, 5)):
            pixel = record[2 + 1024 * channel + 32 * row + column]
            assert dataset.train.images_NKHW[n, channel, row, column] == pixel
    assert dataset.image_shape == LOCAL.input_shape
    assert len(dataset.classes) == LOCAL.n_classes == 100
    assert dataset.classes[7] == "7"
    assert dataset.published is None


def test_coarse_labels_and_names(tmp_path: Path) -> None:
    names = [f"group{n}" for n in range(20)]
    cifar_100(tmp_path)
    (tmp_path / "cifar-100-binary" / "coarse_label_names.txt").write_text("\n".join(names) + "\n\n")
    coarse = LOCAL.model_copy(update={"labels": "coarse"}).load(tmp_path)
    fine = LOCAL.load(tmp_path)
    assert (coarse.train.labels_N == fine.train.labels_N // 5).all()
    assert coarse.classes == tuple(names)
    assert coarse.digest != fine.digest
    (tmp_path / "cifar-100-binary" / "fine_label_names.txt").write_text("one\ntwo\n")
    with pytest.raises(ValueError, match=r"fine_label_names\.txt: 2 names, but there are 100 classes"):
        LOCAL.load(tmp_path)
    (tmp_path / "cifar-100-binary" / "fine_label_names.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(ValueError, match=r"fine_label_names\.txt: it is not UTF-8 text \(byte 4\)"):
        LOCAL.load(tmp_path)


def test_checksums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Cifar100Spec(kind="cifar-100")
    with pytest.raises(ValueError, match=r"train\.bin: no such file; download it with `overthink data get cifar-100`"):
        spec.load(tmp_path)
    cifar_100(tmp_path)
    with pytest.raises(ValueError, match=r"train\.bin: expected md5 6172c.*, found .*307400 bytes.*delete it and run"):
        spec.load(tmp_path)
    for name in cifar.CIFAR_100_MD5:
        content = (tmp_path / "cifar-100-binary" / name).read_bytes()
        monkeypatch.setitem(cifar.CIFAR_100_MD5, name, hashlib.md5(content, usedforsecurity=False).hexdigest())
    assert spec.load(tmp_path).published == CIFAR_100_STATISTICS
    assert spec.is_here(tmp_path)


@pytest.mark.parametrize(
    "content, said",
    [
        (lambda whole: whole[:-1], r"307399 bytes are not whole records of 3074 bytes"),
        (lambda whole: b"", r"0 bytes are not whole records"),
        (lambda whole: b"\x13\x64" + whole[2:], r"label 100 is not one of 0 to 99"),
        (lambda whole: whole[3074:], r"1 of 100 classes have no image, the first is"),
    ],
)
def test_damage_is_one_sentence(tmp_path: Path, content: object, said: str) -> None:
    path = cifar_100(tmp_path) / "cifar-100-binary" / "train.bin"
    path.write_bytes(content(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ValueError, match=said) as caught:
        LOCAL.load(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_subset_and_its_seed(tmp_path: Path) -> None:
    cifar_100(tmp_path, per_class=3)
    dataset = LOCAL.model_copy(update={"subset": SubsetSpec(train=200, test=100)}).load(tmp_path)
    assert np.bincount(dataset.train.labels_N).tolist() == [2] * 100
    assert len(dataset.test.labels_N) == 100
    with pytest.raises(ValueError, match=r"multiple of the 100 classes, got 50"):
        Cifar100Spec(kind="cifar-100", subset=SubsetSpec(train=50))
    assert Cifar100Spec(kind="cifar-100", labels="coarse", subset=SubsetSpec(train=60)).n_classes == 20


def test_cifar_10_batches_follow_one_another(tmp_path: Path) -> None:
    dataset = LOCAL_10.load(cifar_10(tmp_path))
    assert dataset.train.images_NKHW.shape == (50, 3, 32, 32)
    third = (tmp_path / "cifar-10-batches-bin" / "data_batch_3.bin").read_bytes()
    assert dataset.train.images_NKHW[24].tobytes() == third[4 * 3073 + 1 : 5 * 3073]
    assert dataset.train.labels_N[24] == third[4 * 3073] == 4


def test_cifar_10_sizes_and_balance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Cifar10Spec(kind="cifar-10")
    cifar_10(tmp_path)
    with pytest.raises(ValueError, match=r"data_batch_1\.bin: 30730 bytes, but the official one has 30730000"):
        spec.load(tmp_path)
    monkeypatch.setattr(cifar, "CIFAR_10_BYTES", 30_730)
    assert spec.load(tmp_path).published == cifar.CIFAR_10_STATISTICS
    path = tmp_path / "cifar-10-batches-bin" / "test_batch.bin"
    path.write_bytes(b"\x03" + path.read_bytes()[1:])
    with pytest.raises(ValueError, match="all should be equal"):
        spec.load(tmp_path)


def test_published_statistics_are_those_of_the_images() -> None:
    root = Path(os.environ.get("OVERTHINK_TEST_DATA") or default_root())  # conftest forgets the person's OVERTHINK_DATA
    if not LOCAL.is_here(root):
        pytest.skip(f"no CIFAR-100 in {root}: overthink data get cifar-100, or set OVERTHINK_TEST_DATA")
    computed = Cifar100Spec(kind="cifar-100", verify=False).load(root).pixel_statistics
    for published_K, computed_K in zip(CIFAR_100_STATISTICS, computed, strict=True):
        assert np.round(computed_K, 4).tolist() == list(published_K)
