"""How much memory a file of predictions may take, looked at before a value is read: few bytes may be billions of rows.

A Parquet file's footer says what it holds: rows, columns and their types, and the bytes of each column without
compression. From these follows how much memory reading it takes.
"""

from collections.abc import Sequence
from typing import BinaryIO

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from overthink.predictions.arrays import MOST_EXITS

MOST_ROW_GROUPS = 1000
"""One holds a million rows."""
LARGEST_FOOTER = 8_000_000
LARGEST_DECODED = 64_000_000
"""Bytes in memory that any file may come to; 300,000 samples of a network with five exits."""
MOST_COMPRESSED = 10
"""A larger file may come to so many times its own bytes: numbers of networks compress three times."""
PLAIN = {"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY", "BIT_PACKED"}
"""Encodings in which no name of a level is made of another one's beginning."""
LEVEL_BYTES = 12


def opened(file: BinaryIO, names: Sequence[str] = ("level",)) -> pq.ParquetFile:
    """Return a Parquet file of which the footer alone is read; raises ValueError where that is too large.

    `names` are its columns of names, each of which is in memory once.
    """
    size = file.seek(0, 2)
    file.seek(max(size - 8, 0))
    if int.from_bytes(file.read(4), "little") > LARGEST_FOOTER:
        raise ValueError(f"it is not a readable Parquet file (its footer is larger than {LARGEST_FOOTER:,} bytes)")
    file.seek(0)
    return pq.ParquetFile(
        file,
        read_dictionary=list(names),
        page_checksum_verification=True,
        thrift_string_size_limit=LARGEST_FOOTER,
        thrift_container_size_limit=MOST_ROW_GROUPS * MOST_EXITS,
    )


def check_size(parquet: pq.ParquetFile, file_size: int) -> None:
    """Raise ValueError where reading a file, whose columns have the right types, would take too much memory."""
    meta, schema = parquet.metadata, parquet.schema_arrow
    if meta.num_rows < 1:
        raise ValueError("its columns must have at least one value")
    if meta.num_row_groups > MOST_ROW_GROUPS:
        raise ValueError(f"it has {meta.num_row_groups:,} row groups, more than {MOST_ROW_GROUPS:,}")
    groups = [meta.row_group(number) for number in range(meta.num_row_groups)]
    if sum(group.num_rows for group in groups) != meta.num_rows:
        raise ValueError("its row groups have other rows than it says")
    chunks = [group.column(number) for group in groups for number in range(group.num_columns)]
    if any(chunk.path_in_schema == "level" and not {*chunk.encodings} <= PLAIN for chunk in chunks):
        raise ValueError("its column level is encoded otherwise than overthink writes it")
    decoded = meta.num_rows * sum(map(_width, schema.types))
    most = max(LARGEST_DECODED, MOST_COMPRESSED * file_size)
    if max(decoded, sum(chunk.total_uncompressed_size for chunk in chunks)) > most:
        raise ValueError(f"its {meta.num_rows:,} rows would take more than {most:,} bytes of memory")


def _width(kind: pa.DataType) -> int:
    """Return the bytes that a value takes in memory."""
    if pa.types.is_fixed_size_list(kind):
        return int(kind.list_size) * _width(kind.value_type)
    return LEVEL_BYTES if pa.types.is_dictionary(kind) else int(kind.bit_width) // 8
