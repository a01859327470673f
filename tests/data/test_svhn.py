from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from overthink.data import svhn
from overthink.data.subset import SubsetSpec
from overthink.data.svhn import SvhnSpec
from support.data_files import images
from support.data_files import svhn as svhn_files

ALONE = SvhnSpec(kind="svhn", supplement=False, verify=False)
WHOLE = SvhnSpec(kind="svhn", verify=False)


@pytest.fixture(autouse=True)
def _small_supplement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svhn, "SUPPLEMENT", 15)


def test_against_matlabs_own_indices(tmp_path: Path) -> None:
    dataset = ALONE.load(svhn_files(tmp_path))
    raw = loadmat(tmp_path / "svhn" / "train_32x32.mat")
    for n in (0, 9, 19):
        assert (dataset.train.images_NKHW[n, 2, 5, 7]) == raw["X"][5, 7, 2, n]
        assert dataset.train.labels_N[n] == raw["y"][n, 0] % 10
    assert dataset.train.labels_N[9] == 0  # a 10 in the file
    assert dataset.validation is None
    assert ALONE.augment.pad == 4
    assert not ALONE.augment.flip


def test_the_supplement_goes_to_validation_and_test_alone(tmp_path: Path) -> None:
    alone, dataset = ALONE.load(svhn_files(tmp_path)), WHOLE.load(tmp_path)
    extra = loadmat(tmp_path / "svhn" / "extra_32x32.mat")["X"].transpose(3, 2, 0, 1)
    assert dataset.validation is not None
    assert (dataset.train.images_NKHW == alone.train.images_NKHW).all()
    assert len(dataset.validation.labels_N) == 15
    assert len(dataset.test.labels_N) == 10 + 15
    assert (dataset.test.images_NKHW[:10] == alone.test.images_NKHW).all()
    in_validation, in_test = dataset.validation.ids_N - 20, dataset.test.ids_N[10:] - 10
    assert not set(in_validation) & set(in_test)
    assert (extra[in_validation] == dataset.validation.images_NKHW).all()
    assert (extra[in_test] == dataset.test.images_NKHW[10:]).all()
    assert len(set(dataset.test.ids_N)) == 25
    assert dataset.digest not in (alone.digest, WHOLE.model_copy(update={"seed": 1}).load(tmp_path).digest)
    assert dataset.digest == WHOLE.load(tmp_path).digest


@pytest.mark.parametrize(
    "contents, said",
    [
        ({"X": images(32, 32, 3, 4), "y": np.array([[1], [2], [11], [3]])}, "label 11 is not one of 1 to 10"),
        ({"X": images(32, 32, 3, 4), "y": np.array([[0], [2], [1], [3]])}, "label 0 is not one of 1 to 10"),
        ({"X": images(32, 32, 3, 4), "y": np.array([[1], [2]])}, "4 images, but 2 labels"),
        ({"X": images(30, 32, 3, 4), "y": np.ones((4, 1))}, r"not uint8 \(32, 32, 3, samples\)"),
        ({"X": images(32, 32, 3, 4) / 255, "y": np.ones((4, 1))}, "X is float64"),
        ({"y": np.ones((4, 1))}, "X is float64"),
        ({"X": images(32, 32, 3, 4), "y": np.array([[1], [2], [3], [4]])}, "6 of 10 classes have no image"),
    ],
)
def test_damage_is_one_sentence(tmp_path: Path, contents: dict[str, object], said: str) -> None:
    savemat(svhn_files(tmp_path) / "svhn" / "train_32x32.mat", contents)
    with pytest.raises(ValueError, match=said):
        ALONE.load(tmp_path)


@pytest.mark.parametrize("keep", [0, 100, 5000, 40_000])
def test_truncated_files(tmp_path: Path, keep: int) -> None:
    path = svhn_files(tmp_path) / "svhn" / "train_32x32.mat"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"train_32x32\.mat: not a readable \.mat file .*delete it and run"):
        ALONE.load(tmp_path)
    with pytest.raises(ValueError, match="expected md5 e26dedcc434d2e4c54c9b2d4a06d8373"):
        SvhnSpec(kind="svhn").load(tmp_path)


def test_too_little_extra_and_no_subset_with_it(tmp_path: Path) -> None:
    svhn_files(tmp_path, extra=29)
    with pytest.raises(ValueError, match="29 images, but the supplement needs 30"):
        WHOLE.load(tmp_path)
    with pytest.raises(ValueError, match="set supplement: false"):
        SvhnSpec(kind="svhn", subset=SubsetSpec(train=10))
    (tmp_path / "svhn" / "extra_32x32.mat").unlink()
    assert ALONE.is_here(tmp_path)
    assert not WHOLE.is_here(tmp_path)
