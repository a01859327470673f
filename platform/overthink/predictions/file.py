"""The file format of predictions: one Parquet file, a row per sample, readable without this package.

Columns: sample_id, label, level (its name, or null), and for every exit i from 1: exit_i_prediction,
exit_i_max_softmax, exit_i_entropy (nats), exit_i_top2_ratio, exit_i_confusion, and exit_i_logits where kept.
Format version 1 has all of these; version 2, of networks trained elsewhere, those that are known, and exit_i_correct
(0 or 1) where labels or predictions are not. Values for the whole split are JSON in the schema metadata. One version of
pyarrow writes the same bytes for the same content.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal, Self

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
from numpy.typing import NDArray
from pydantic import Field, model_validator

from overthink.predictions.absent import CostUnit
from overthink.predictions.arrays import MOST_COST, MOST_EXITS
from overthink.predictions.bounds import check_size, opened
from overthink.predictions.parquet_file import check_columns, header_of, write_parquet
from overthink.predictions.probing import read_parquet
from overthink.spec import Spec
from overthink.untrusted import name_of

Columns = Mapping[str, NDArray[Any]]
"""Values by column: int64 (N,), float64 (N,), or float32 (N, C) for logits; levels as indices."""

OF_VERSION_2 = {"exits", "other_cost", "other_unit"}
METADATA_KEY = b"overthink.predictions"
PER_EXIT = re.compile(r"^exit_[0-9]+_")
EXIT_COLUMNS = {
    "prediction": pa.int64(),
    "max_softmax": pa.float64(),
    "entropy": pa.float64(),
    "top2_ratio": pa.float64(),
    "confusion": pa.float64(),
}
OPTIONAL = {**EXIT_COLUMNS, "correct": pa.uint8()}
"""Of each exit in version 2: all exits have what exit 1 has."""

LEVEL = pa.dictionary(pa.int32(), pa.string())
"""As levels are read, which are stored as strings: a name that millions of rows have is in memory once."""


class Header(Spec):
    """Values for the whole split, in the file's metadata."""

    format_version: Literal[1, 2]
    split: str
    cost: Annotated[tuple[Annotated[int, Field(ge=1, le=MOST_COST)], ...], Field(min_length=1)] | None
    """MUL-ADDs per sample up to and including each exit; null where they are not known."""
    level_names: tuple[str, ...]
    fingerprint: str
    exits: Annotated[int, Field(ge=1)] | None = None
    """Their number, in version 2; in version 1 that of the costs."""
    other_cost: Annotated[tuple[Annotated[float, Field(gt=0, le=MOST_COST)], ...], Field(min_length=1)] | None = None
    """In version 2: costs in `other_unit`."""
    other_unit: CostUnit | None = None

    @model_validator(mode="after")
    def _is_of_one_version(self) -> Self:
        if self.format_version == 1 and (self.cost is None or self.exits or self.other_cost or self.other_unit):
            raise ValueError("format version 1 has costs in MUL-ADDs, and nothing of version 2")
        if self.format_version == 2 and self.exits is None:
            raise ValueError("format version 2 has a number of exits")
        if self.other_cost is not None and (self.cost is not None or self.other_unit in (None, "MUL-ADDs")):
            raise ValueError("costs are in one unit")
        return self

    @property
    def costs(self) -> tuple[tuple[float, ...] | None, CostUnit]:
        """Costs of each exit, where they are known, and their unit."""
        return (self.cost, "MUL-ADDs") if self.other_cost is None else (self.other_cost, self.other_unit or "MUL-ADDs")

    @property
    def n_exits(self) -> int:
        """Number of exits."""
        return self.exits or len(self.cost or ())


def write_file(path: Path, header: Header, columns: Columns) -> None:
    """Write the file atomically; raises OSError if it cannot be written."""
    arrays = {name: _to_arrow(name, values, header) for name, values in columns.items()}
    text = header.model_dump_json(exclude=None if header.format_version == 2 else OF_VERSION_2)
    write_parquet(path, arrays, {METADATA_KEY: text}, dictionaries=["level"])


def read_file(path: Path, only: Collection[str] | None = None) -> tuple[Header, Columns]:
    """Read a file of predictions and validate all of it; or only columns of these kinds, such as `label`, `prediction`.

    Raises ValueError, in one clause without the file's name, if it is not Parquet, is damaged, or holds no predictions;
    OSError if it cannot be opened.
    """
    return read_parquet(path, _read, None if only is None else sorted(only))


def _read(file: BinaryIO, only: list[str] | None) -> tuple[Header, Columns]:
    parquet = opened(file)
    header = _header(parquet.schema_arrow)
    _check_columns(parquet.schema_arrow, header)
    check_size(parquet, file.seek(0, 2))
    names = parquet.schema_arrow.names
    table = parquet.read([name for name in names if only is None or PER_EXIT.sub("", name) in only])
    return header, {name: _to_numpy(name, table[name], header) for name in table.column_names}


def _header(schema: pa.Schema) -> Header:
    header = header_of(schema, METADATA_KEY, Header, "predictions")
    if header.n_exits > MOST_EXITS:
        raise ValueError(f"it has {header.n_exits:,} exits, more than {MOST_EXITS}")
    if any(name != name_of(name) for name in header.level_names):
        raise ValueError("its metadata is not valid: level_names: they have characters that cannot be shown")
    return header


def _check_columns(schema: pa.Schema, header: Header) -> None:
    """Check names and types before any row is read."""
    n_exits = header.n_exits
    kinds, expected = EXIT_COLUMNS, {"sample_id": pa.int64(), "label": pa.int64(), "level": LEVEL}
    if header.format_version == 2:
        kinds = {name: kind for name, kind in OPTIONAL.items() if f"exit_1_{name}" in schema.names}
        expected = {name: kind for name, kind in expected.items() if name != "label" or name in schema.names}
    for number in range(1, n_exits + 1):
        expected |= {f"exit_{number}_{name}": kind for name, kind in kinds.items()}
    if "exit_1_logits" in schema.names:
        logits = schema.field(schema.names.index("exit_1_logits")).type
        if not (pa.types.is_fixed_size_list(logits) and logits.value_type == pa.float32()):
            raise ValueError(f"its column exit_1_logits is {logits}, expected a fixed-size list of float32")
        expected |= {f"exit_{number}_logits": logits for number in range(1, n_exits + 1)}
    check_columns(schema, expected, "predictions do not have")


def _to_arrow(name: str, values: NDArray[Any], header: Header) -> pa.Array:
    if name == "level":
        if not header.level_names:
            return pa.nulls(len(values), pa.string())
        return pa.array(header.level_names, pa.string()).take(pa.array(values))
    if values.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    return pa.array(values)


def _to_numpy(name: str, column: pa.ChunkedArray, header: Header) -> NDArray[Any]:
    if name == "level":
        return np.concatenate([_levels(chunk, header) for chunk in column.chunks])
    values = column.combine_chunks()
    flat = values.flatten() if pa.types.is_fixed_size_list(values.type) else values
    if values.null_count or flat.null_count:
        raise ValueError(f"its column {name} has missing values")
    array: NDArray[Any] = np.from_dlpack(flat)  # `to_numpy` imports pandas, which takes longer than to read the file
    return array if flat is values else array.reshape(len(values), values.type.list_size)


def _levels(names: pa.DictionaryArray, header: Header) -> NDArray[np.int64]:
    """Return level names as indices; without level names every entry is null and every index 0."""
    if not header.level_names and names.null_count == len(names):
        return np.zeros(len(names), dtype=np.int64)
    known = pc.index_in(names.dictionary, value_set=pa.array(header.level_names, pa.string()))
    levels = known.take(names.indices)
    if levels.null_count:
        raise ValueError(f"its column level has entries that are not among the levels {list(header.level_names)}")
    return np.from_dlpack(levels).astype(np.int64)
