"""Folders of images and Imagenette: the tree, the cache, and what can be wrong with either."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overthink.data import decoded, imagenette
from overthink.data.imagenette import CLASSES, ImagenetteSpec
from overthink.data.own import FolderSpec
from support.data_files import picture

SPEC = FolderSpec(kind="folder", path="mine", size=6, classes=2)


def tree(root: Path, width: int = 6, height: int = 6) -> Path:
    for part in ("train", "test"):
        for value, name in ((10, "cat"), (200, "bird")):
            for n in range(2):
                picture(root / "mine" / part / name / f"{n}.png", width, height, value + n)
    return root


def test_classes_by_name_and_pixels_by_hand(tmp_path: Path) -> None:
    dataset = SPEC.load(tree(tmp_path))
    assert dataset.classes == ("bird", "cat")
    assert dataset.train.labels_N.tolist() == [0, 0, 1, 1]
    assert dataset.train.images_NKHW[:, 0, 0, 0].tolist() == [200, 201, 10, 11]
    assert dataset.image_shape == SPEC.input_shape == (3, 6, 6)
    grey = SPEC.model_copy(update={"channels": 1}).load(tmp_path)
    assert grey.image_shape == (1, 6, 6)


def test_against_pillow_image_by_image(tmp_path: Path) -> None:
    path = picture(tree(tmp_path) / "mine" / "train" / "cat" / "0.png", 9, 21)
    dataset = SPEC.model_copy(update={"resize": True}).load(tmp_path)
    scaled = np.asarray(Image.open(path).resize((6, 14), Image.Resampling.BICUBIC))
    assert (dataset.train.images_NKHW[2] == scaled[4:10].transpose(2, 0, 1)).all()


def test_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = SPEC.load(tree(tmp_path))
    assert isinstance(first.train.images_NKHW, np.memmap)
    with monkeypatch.context() as patch:
        patch.setattr(decoded, "read_image_file", None)
        assert SPEC.load(tmp_path).digest == first.digest
    changed = picture(tmp_path / "mine" / "train" / "cat" / "0.png", 6, 6, 99)
    os.utime(changed, (1, 1))
    assert SPEC.load(tmp_path).digest != first.digest
    assert sorted({path.suffix for path in (tmp_path / ".cache").iterdir()}) == [".lock", ".npy"]


@pytest.mark.parametrize("broken", ["text", "truncated", "empty", "mixed", "deep"])
def test_unusable_images_are_named_and_leave_nothing(tmp_path: Path, broken: str) -> None:
    path = picture(tree(tmp_path) / "mine" / "train" / "cat" / "1.png", 6, 6)
    if broken == "mixed":
        picture(path, 6, 7)
    elif broken == "deep":
        Image.fromarray(np.full((6, 6), 40_000, dtype=np.uint16)).save(path)
    else:
        path.write_bytes({"text": b"no image", "truncated": path.read_bytes()[:-30], "empty": b""}[broken])
    said = {"mixed": "6x7 pixels, but size is 6", "deep": "more than 8 bits"}.get(broken, "unusable image")
    with pytest.raises(ValueError, match=said) as caught:
        SPEC.load(tmp_path)
    assert str(path) in str(caught.value)
    assert not list((tmp_path / ".cache").glob("*.tmp"))
    assert not list((tmp_path / ".cache").glob("*.npy"))


def test_trees_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine/train: no such folder"):
        SPEC.load(tmp_path)
    tree(tmp_path)
    with pytest.raises(ValueError, match=r"2 class folders \(bird, cat\), but the definition has 3 classes"):
        SPEC.model_copy(update={"classes": 3}).load(tmp_path)
    (tmp_path / "mine" / "test" / "bird").rename(tmp_path / "mine" / "test" / "fish")
    with pytest.raises(ValueError, match="class 'bird' is in train or in test, but not in both"):
        SPEC.load(tmp_path)
    for path in (tmp_path / "mine" / "train" / "cat").iterdir():
        path.rename(path.with_suffix(".txt"))
    with pytest.raises(ValueError, match=r"train/cat: no image in it, only 2 files of kind \.txt$"):
        SPEC.load(tmp_path)


def test_imagenette(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ImagenetteSpec(kind="imagenette", size=8)
    with pytest.raises(ValueError, match="download it with `overthink data get imagenette2-160`"):
        spec.load(tmp_path)
    for value, wnid in enumerate(CLASSES):
        for part in ("train", "val"):
            picture(tmp_path / "imagenette2-160" / part / wnid / f"{wnid}_1.JPEG", 20, 16, 20 * value)
    with pytest.raises(ValueError, match=r"10 images in n01440764\.\.\., officially 9469 in n01440764"):
        spec.load(tmp_path)
    monkeypatch.setattr(imagenette, "SAMPLES", {"train": 10, "val": 10})
    dataset = spec.load(tmp_path)
    assert dataset.image_shape == spec.input_shape == (3, 8, 8)
    assert dataset.classes[:2] == ("tench", "English springer")
    assert dataset.train.images_NKHW[:, 0, 4, 4].tolist() == [20 * value for value in range(10)]
    assert (spec.augment.pad, spec.augment.flip) == (1, True)
    with pytest.raises(ValueError, match="size 200 needs more than the 160 pixels"):
        ImagenetteSpec(kind="imagenette", size=200)
