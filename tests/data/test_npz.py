import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overthink.data.own import NpzSpec
from support.data_files import images, written

SPEC = NpzSpec(kind="npz", path="mine.npz", shape=(3, 4, 5), classes=2)


def arrays(**changes: Any) -> dict[str, Any]:
    whole = {"x_train": images(6, 3, 4, 5), "y_train": np.arange(6) % 2}
    return whole | {"x_test": images(2, 3, 4, 5, seed=1), "y_test": np.array([[1], [0]])} | changes


def saved(root: Path, **changes: Any) -> Path:
    np.savez(root / "mine.npz", **arrays(**changes))
    return root


def test_planar_images(tmp_path: Path) -> None:
    dataset = SPEC.load(saved(tmp_path))
    assert (dataset.train.images_NKHW == arrays()["x_train"]).all()
    assert dataset.test.labels_N.tolist() == [1, 0]
    assert dataset.image_shape == SPEC.input_shape
    assert dataset.classes == ("0", "1")


def test_channels_last_and_grey(tmp_path: Path) -> None:
    turned = {name: arrays()[name].transpose(0, 2, 3, 1) for name in ("x_train", "x_test")}
    assert SPEC.load(saved(tmp_path, **turned)).digest == SPEC.load(saved(tmp_path)).digest
    grey = SPEC.model_copy(update={"shape": (1, 4, 5)})
    flat = {name: arrays()[name][:, 0] for name in ("x_train", "x_test")}
    assert (grey.load(saved(tmp_path, **flat)).train.images_NKHW[:, 0] == flat["x_train"]).all()


def test_an_absolute_path(tmp_path: Path) -> None:
    path = str(saved(tmp_path) / "mine.npz")
    assert SPEC.model_copy(update={"path": path}).load(Path("/nowhere")).name == "npz"


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"x_train": images(6, 3, 4, 5) / 255}, "x_train is float64, but images are uint8"),
        ({"x_test": images(2, 3, 4, 4)}, r"x_test has shape \(2, 3, 4, 4\), but the definition has \(3, 4, 5\)"),
        ({"y_train": np.arange(5)}, "6 images in x_train, but 5 labels in y_train"),
        ({"y_train": np.array([0, 1, 2, 0, 1, 0])}, "label 2 is not one of 0 to 1"),
        ({"y_train": np.array([0, 1, -1, 0, 1, 0])}, "label -1 is not one of 0 to 1"),
        ({"y_train": np.full(6, 2**63, np.uint64)}, "y_train holds 9223372036854775808, which is no label"),
        ({"y_train": np.zeros(6, int)}, "1 of 2 classes have no image, the first is 1"),
        ({"y_train": np.eye(6)}, r"y_train is float64 \(6, 6\), not one integer label per sample"),
        ({"y_train": 3}, "y_train is a single value"),
        (
            {"x_train": np.array([images(3, 4), images(4, 4)], dtype=object)},
            "objects, as when images are of mixed size",
        ),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        SPEC.load(saved(tmp_path, **changes))
    assert len(str(caught.value).splitlines()) == 1


def with_method(content: bytes, method: int, encrypted: int = 0) -> bytes:
    """Return an archive whose first member claims another compression."""
    changed = bytearray(content)
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.index(magic) + place
        changed[start] |= encrypted
        changed[start + 2] = method
    return bytes(changed)


def test_archives_that_python_cannot_unpack(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "mine.npz", **arrays())
    whole = (tmp_path / "mine.npz").read_bytes()
    large = io.BytesIO()
    np.lib.format.write_array_header_1_0(large, {"descr": "|u1", "fortran_order": False, "shape": (0, 10**30)})
    contents = [with_method(whole, 9), with_method(whole, 14), with_method(whole, 8, encrypted=1)]
    for content in contents:
        written(tmp_path / "mine.npz", content)
        with pytest.raises(ValueError, match=r"mine\.npz: unusable \.npz file: ") as caught:
            SPEC.load(tmp_path)
        assert len(str(caught.value).splitlines()) == 1
    with zipfile.ZipFile(saved(tmp_path) / "mine.npz", "w") as archive:
        for name in arrays():
            archive.writestr(f"{name}.npy", large.getvalue())
    with pytest.raises(ValueError, match=r"mine\.npz: unusable \.npz file: "):
        SPEC.load(tmp_path)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"mine\.npz: no such file"):
        SPEC.load(tmp_path)
    whole = (saved(tmp_path) / "mine.npz").read_bytes()
    for content in (b"", b"text", whole[:500], whole[:-20], whole[:300] + b"?" + whole[301:]):
        written(tmp_path / "mine.npz", content)
        with pytest.raises(ValueError, match=r"mine\.npz: unusable \.npz file") as caught:
            SPEC.load(tmp_path)
        assert "pickle" not in str(caught.value)  # NumPy advises to unpickle what is no archive
    np.save(tmp_path / "mine.npy", images(2, 3))
    (tmp_path / "mine.npy").rename(tmp_path / "mine.npz")
    with pytest.raises(ValueError, match=r"mine\.npz: unusable \.npz file: it is one array, as numpy\.save writes it"):
        SPEC.load(tmp_path)
    np.savez(tmp_path / "mine.npz", x_train=images(2, 3))
    with pytest.raises(ValueError, match="no array y_train"):
        SPEC.load(tmp_path)
