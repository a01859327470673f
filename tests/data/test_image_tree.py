"""Folders of images and Imagenette: the tree, the cache, and what can be wrong with either."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overthink.data import decoded, imagenette
from overthink.data.image_file import SUFFIXES
from overthink.data.image_tree import find_images
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


def test_every_format_that_predict_reads_is_read_in_training(tmp_path: Path) -> None:
    names = ["webp", "jfif", "JPE", "bmp", "gif", "tif", "TIFF", "jp2", "ppm", "tga", "pcx", "ico", "dds", "qoi"]
    root = tree(tmp_path)
    for value, name in enumerate(names):
        path = root / "mine" / "train" / "cat" / f"2{value:02}.{name}"
        kind = {".jfif": "JPEG", ".JPE": "JPEG"}.get(path.suffix)
        Image.new("RGB", (16, 16), (8 * value,) * 3).save(path, kind)
    dataset = SPEC.model_copy(update={"resize": True}).load(root)
    assert dataset.train.labels_N.tolist() == [0, 0] + [1] * (2 + len(names))
    reds = dataset.train.images_NKHW[4:, 0, 3, 3].astype(int)
    assert np.abs(reds - 8 * np.arange(len(names))).max() <= 2
    assert not any("left out" in note for note in dataset.notes)
    files = sorted((root / "mine" / "train" / "cat").glob("2*"))
    for image_KHW, path in zip(dataset.train.images_NKHW[4:], files, strict=True):
        assert (SPEC.read_image(path) == image_KHW).all()


def test_formats_are_those_that_pillow_can_open() -> None:
    Image.init()
    formats = {suffix: kind for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    absent = {kind for suffix, kind in formats.items() if suffix not in SUFFIXES}
    no_rasters_of_8_bits = {"AVIF", "BLP", "BUFR", "EPS", "FITS", "FLI", "FTEX", "GBR", "GRIB", "HDF5", "IPTC", "MPEG"}
    assert absent <= no_rasters_of_8_bits | {"PCD", "PIXAR", "WMF"}
    assert {suffix for suffix in SUFFIXES if suffix not in formats} <= {".avif", ".qoi", ".mpo"}


def test_what_is_left_out_is_counted_and_named(tmp_path: Path) -> None:
    root = tree(tmp_path)
    cat, test = root / "mine" / "train" / "cat", root / "mine" / "test"
    for name in ("a.xyz", "b.XYZ", "notes.txt", "Thumbs.db", ".DS_Store", "._0.png", "noext", "caf\udce9.\udce9"):
        (cat / name).write_bytes(b"?")
    for folder in (
        cat / "tabby",
        cat / ".hidden",
        test / "bird" / "x.png",
        root / "mine" / "val",
        root / "mine" / ".git",
    ):
        folder.mkdir()
    (test / "labels.csv").write_text("?")
    picture(root / "mine" / "train" / "stray.png", 6, 6)
    mine = root / "mine"
    assert SPEC.load(root).notes[:-1] == (
        f"left out of {mine}: val (validation images are split from those of train)",
        f"left out of {mine}/train: 1 image",
        f"left out of {mine}/train/cat: 1 file without an extension, 1 file of kind .\\xe9, 1 file of kind .db, "
        "1 file of kind .txt, 2 files of kind .xyz, 1 folder, 2 hidden files, 1 hidden folder",
        f"left out of {mine}/test: 1 file of kind .csv",
        f"left out of {mine}/test/bird: 1 folder",
    )
    assert SPEC.load(root).train.images_NKHW[:, 0, 0, 0].tolist() == [200, 201, 10, 11]


def test_of_many_folders_some_are_named_and_the_rest_is_summed(tmp_path: Path) -> None:
    for number in range(9):
        picture(tmp_path / "all" / f"{number}" / "0.png", 6, 6)
        (tmp_path / "all" / f"{number}" / "Thumbs.db").touch()
    notes = find_images(tmp_path / "all", 9).notes
    assert len(notes) == 6
    assert notes[-1] == f"left out of 4 more folders in {tmp_path}/all: 4 files of kind .db"


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    """As an archive made under Latin-1 leaves them; in a class folder's name as well."""
    root = tree(tmp_path)
    for part in ("train", "test"):
        os.rename(root / "mine" / part / "cat", os.fsencode(root / "mine" / part) + b"/ch\xe2t")
    os.rename(root / "mine/train/bird/0.png", os.fsencode(root / "mine/train/bird") + b"/\xe9.png")
    dataset = SPEC.load(root)
    assert dataset.classes == ("bird", "ch\\xe2t")
    assert dataset.train.images_NKHW[:, 0, 0, 0].tolist() == [201, 200, 10, 11]
    (root / "mine/train/bird/\udce9.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"bird/\\xe9\.png: unusable image") as caught:
        SPEC.load(root)
    str(caught.value).encode()


def test_trees_of_few_or_odd_folders(tmp_path: Path) -> None:
    root = tree(tmp_path)
    for path in (root / "mine" / "test" / "cat").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"test/cat: no image in it$"):
        SPEC.load(root)
    (root / "mine" / "test" / "cat").rmdir()
    with pytest.raises(ValueError, match=r"test: 1 class folders \(bird\), but the definition has 2 classes"):
        SPEC.load(root)
    with pytest.raises(ValueError, match=r"dataset\.path: ~nobody-of-that-name/x: .*home"):
        SPEC.model_copy(update={"path": "~nobody-of-that-name/x"}).load(root)


def test_images_in_both_splits_are_counted(tmp_path: Path) -> None:
    root = tree(tmp_path)
    for part in ("train", "test"):
        for row, name in enumerate(("bird", "cat")):
            picture(root / "mine" / part / name / "1.png", 6, 6, 100 + 7 * row + (part == "test" and name == "cat"))
            picture(root / "mine" / part / name / "0.png", 6, 6, 50 * row + 2 * (part == "test"))
    said = "1 of 4 test images equal a training image in every pixel, so test accuracy partly measures memory"
    assert SPEC.load(root).notes == (said,)


def test_the_digest_of_images_without_orientation_is_that_of_earlier_versions(tmp_path: Path) -> None:
    """Stored runs keep theirs. This one was computed at commit b6ab076."""
    assert SPEC.load(tree(tmp_path)).digest == "d63383bceccff22ce2644bc31410a4fa00226a334be085f59f0c7a4141515e23"


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
