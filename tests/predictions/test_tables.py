"""Files of predictions that are damaged: one sentence each, whatever their libraries raise."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from overthink.predictions.tables import read_table


def header(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def archive(method: int, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        opened.writestr("ids.npy", content)
    return file.getvalue()


def damaged() -> bytes:
    content = bytearray(archive(zipfile.ZIP_LZMA, header((4,)) + b"abcd"))
    place = content.index(b"ids.npy") + len("ids.npy") + 9  # after LZMA's properties
    content[place : place + 30] = bytes(255 - byte for byte in content[place : place + 30])
    return bytes(content)


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.npz", damaged()),
        ("a.npz", archive(zipfile.ZIP_STORED, header((0, 10**30)))),
        ("a.npy", header((0, 10**30))),
        ("a.csv", b"x" * 200_000 + b",y\n1,2\n"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}: it cannot be read as \w+: ") as raised:
        read_table(tmp_path / name)
    assert "\n" not in str(raised.value)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    """The last one was read, without a word."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as opened:
        for content in (b"abcd", b"efgh"):
            opened.writestr("labels.npy", header((4,)) + content)
    with pytest.raises(ValueError, match="it holds two arrays of the name labels"):
        read_table(tmp_path / "a.npz")
