"""Tables of predictions that others wrote, as named columns: .npz, Parquet, and text with a header line.

Nothing in such a file is trusted: nothing is unpickled, and sizes are looked at before values are read.
"""

import csv
import lzma
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from numpy.typing import NDArray

from overthink.predictions.probing import read_parquet
from overthink.predictions.text_table import read_text
from overthink.sentences import cut
from overthink.untrusted import name_of, one_line

LARGEST_FILE = 8_000_000_000
LARGEST_ARRAYS = 16_000_000_000
"""Bytes in memory that a file may come to."""
UNREADABLE = (
    *(OSError, ValueError, TypeError, EOFError, KeyError, RuntimeError, OverflowError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, csv.Error, pa.ArrowException),
)


@dataclass(frozen=True)
class Table:
    """The columns or arrays of a file by their names."""

    path: Path
    columns: Mapping[str, NDArray[Any]]
    refused: Mapping[str, str] = field(default_factory=dict)
    """Name of what was not read -> why: it holds Python objects, which may run code when read, or lacks values."""


def read_table(path: Path) -> Table:
    """Read a file by its ending: .npz, .npy, .parquet, or text (.csv, .tsv, .txt) whose delimiter is recognised.

    Raises ValueError, in one sentence naming the file, where it is none of these, is damaged, or is too large.
    """
    readers: dict[str, Callable[[BinaryIO, Path], Table]] = {
        ".npz": _npz,
        ".npy": _npy,
        ".parquet": _parquet,
        **dict.fromkeys((".csv", ".tsv", ".txt", ".tab", ".dat"), _text),
    }
    shown, reader = one_line(str(path)), readers.get(path.suffix.lower())
    if not path.is_file():
        raise ValueError(f"{shown}: no such file")
    if reader is None:
        raise ValueError(f"{shown}: predictions are read from .npz, .npy, .parquet, .csv, .tsv or .txt files")
    if (size := path.stat().st_size) > LARGEST_FILE:
        raise ValueError(f"{shown}: it has {size:,} bytes, more than {LARGEST_FILE:,}")
    try:
        with path.open("rb") as file:
            return reader(file, path)
    except UNREADABLE as error:
        why = cut(one_line(" ".join(str(error).split())), 300) or type(error).__name__
        raise ValueError(f"{shown}: it cannot be read as {path.suffix.lower()[1:]}: {why}") from error


def _npz(file: BinaryIO, path: Path) -> Table:
    columns, refused, left = {}, {}, LARGEST_ARRAYS
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name = name_of(member.filename.removesuffix(".npy"))
            if name in columns or name in refused:
                raise ValueError(f"it holds two arrays of the name {name}")
            with archive.open(member) as opened:
                dtype, size = _described(opened)
            if dtype.hasobject:
                refused[name] = "it holds Python objects, which are never read"
                continue
            if (left := left - size) < 0:
                raise ValueError(f"its arrays would take more than {LARGEST_ARRAYS:,} bytes of memory")
            with archive.open(member) as opened:
                columns[name] = np.lib.format.read_array(opened, allow_pickle=False)
    return Table(path, columns, refused)


def _npy(file: BinaryIO, path: Path) -> Table:
    dtype, size = _described(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never read")
    if size > LARGEST_ARRAYS:
        raise ValueError(f"its array would take more than {LARGEST_ARRAYS:,} bytes of memory")
    file.seek(0)
    return Table(path, {path.stem: np.lib.format.read_array(file, allow_pickle=False)})


def _described(file: Any) -> tuple[np.dtype[Any], int]:
    """Return the type of an array and its bytes, from its header."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    size = dtype.itemsize
    for side in shape:
        size *= side
    return dtype, size


def _parquet(file: BinaryIO, path: Path) -> Table:
    return read_parquet(path, _whole_parquet, str(path))


def _whole_parquet(file: BinaryIO, path: str) -> Table:
    parquet = pq.ParquetFile(file)
    meta = parquet.metadata
    groups = [meta.row_group(number) for number in range(meta.num_row_groups)]
    if max(meta.num_rows * meta.num_columns, sum(group.total_byte_size for group in groups)) > LARGEST_ARRAYS:
        raise ValueError(f"its {meta.num_rows:,} rows would take more than {LARGEST_ARRAYS:,} bytes of memory")
    return _columns(parquet.read(), Path(path))


def _text(file: BinaryIO, path: Path) -> Table:
    return _columns(read_text(file), path)


def _columns(table: pa.Table, path: Path) -> Table:
    columns: dict[str, NDArray[Any]] = {}
    refused: dict[str, str] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        stripped = name_of(name.strip())
        if stripped in columns or stripped in refused:
            raise ValueError(f"two columns are called {stripped!r}")
        if column.null_count:
            row = next(number for number, value in enumerate(column) if not value.is_valid)
            refused[stripped] = f"it has no value in row {row + 1}"
        else:
            columns[stripped] = _array(column)
    return Table(path, columns, refused)


def _array(column: pa.ChunkedArray) -> NDArray[Any]:
    values = column.combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = values.chunk(0) if values.num_chunks else pa.array([], values.type)
    if pa.types.is_fixed_size_list(values.type):
        flat: NDArray[Any] = np.asarray(values.flatten())
        return flat.reshape(len(values), values.type.list_size)
    if pa.types.is_dictionary(values.type) or pa.types.is_large_string(values.type) or pa.types.is_string(values.type):
        return np.array(values.to_pylist(), dtype=np.str_)
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_boolean(values.type)):
        return np.array(list(map(str, values.to_pylist())), dtype=np.str_)
    if pa.types.is_boolean(values.type):
        return np.array(values.to_pylist(), dtype=np.bool_)
    array: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return array
