"""The file of a course: one Parquet file, a row per sample, readable without this package.

Columns: sample_id, label, and for every exit i from 1 two lists with a value for each moment: exit_i_correct (0 or 1)
and exit_i_confidence (0 to 255: 255 times the largest softmax probability). Moments, split and fingerprint are JSON in
the schema metadata. One version of pyarrow writes the same bytes for the same content.
"""

from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from pydantic import Field, FiniteFloat

from overthink.predictions.arrays import MOST_EXITS
from overthink.predictions.bounds import check_size, opened
from overthink.predictions.course import ByteArray, Course, Moment
from overthink.predictions.parquet_file import check_columns, header_of, write_parquet
from overthink.predictions.probing import read_parquet
from overthink.spec import Spec

METADATA_KEY = b"overthink.course"
SAMPLE_COLUMNS = {"sample_id": pa.int64(), "label": pa.int64()}
EXIT_COLUMNS = "correct", "confidence"
MOST_MOMENTS = 100_000


class _Moment(Spec):
    epoch: Annotated[FiniteFloat, Field(gt=0)]
    step: Annotated[int, Field(ge=1)]
    phase: Annotated[int, Field(ge=1)]
    lr: Annotated[FiniteFloat, Field(gt=0)]


class _Header(Spec):
    format_version: Literal[1]
    split: str
    fingerprint: str
    exits: Annotated[int, Field(ge=1, le=MOST_EXITS)]
    moments: Annotated[tuple[_Moment, ...], Field(min_length=1, max_length=MOST_MOMENTS)]


def write_course(path: Path, course: Course) -> None:
    """Write the file atomically; raises OSError if it cannot be written."""
    columns = {"sample_id": pa.array(course.ids_N), "label": pa.array(course.labels_N)}
    for exit in range(course.n_exits):
        columns[f"exit_{exit + 1}_correct"] = _lists(course.correct_TEN[:, exit].astype(np.uint8))
        columns[f"exit_{exit + 1}_confidence"] = _lists(course.confidence_TEN[:, exit])
    header = _Header(
        format_version=1,
        split=course.split,
        fingerprint=course.fingerprint,
        exits=course.n_exits,
        moments=tuple(_Moment(**moment._asdict()) for moment in course.moments),
    )
    write_parquet(path, columns, {METADATA_KEY: header.model_dump_json()})


def read_course(path: Path) -> Course:
    """Read a file and validate all of it.

    Raises ValueError, in one clause without the file's name, if it is not Parquet, is damaged, or holds no course;
    OSError if it cannot be opened.
    """
    return read_parquet(path, _read)


def _read(file: BinaryIO) -> Course:
    parquet = opened(file, names=())
    header = header_of(parquet.schema_arrow, METADATA_KEY, _Header, "course of a training")
    _check_columns(parquet.schema_arrow, header)
    check_size(parquet, file.seek(0, 2))
    table = parquet.read()
    ids_N, labels_N = (np.from_dlpack(_whole(table[name])).astype(np.int64) for name in SAMPLE_COLUMNS)
    correct_TEN, confidence_TEN = (_stacked(table, name, header) for name in EXIT_COLUMNS)
    if correct_TEN.max() > 1:
        raise ValueError(f"its columns exit_i_correct hold 0 or 1, and also {correct_TEN.max()}")
    moments = tuple(Moment(**moment.model_dump()) for moment in header.moments)
    correct = correct_TEN.astype(np.bool_)
    return Course(header.split, header.fingerprint, moments, ids_N, labels_N, correct, confidence_TEN)


def _check_columns(schema: pa.Schema, header: _Header) -> None:
    """Check names and types before any row is read."""
    lists = pa.list_(pa.uint8(), len(header.moments))
    of_exits = {f"exit_{exit + 1}_{name}": lists for exit in range(header.exits) for name in EXIT_COLUMNS}
    check_columns(schema, SAMPLE_COLUMNS | of_exits, "a course does not have")


def _lists(values_TN: ByteArray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values_TN.T.ravel()), len(values_TN))


def _stacked(table: pa.Table, name: str, header: _Header) -> ByteArray:
    """Return the lists of all exits, (T, E, N)."""
    columns = [_whole(table[f"exit_{exit + 1}_{name}"]) for exit in range(header.exits)]
    flat = [column.flatten() for column in columns]
    if any(one.null_count for one in flat):
        raise ValueError(f"its columns exit_i_{name} have missing values")
    values_ENT = np.stack([np.from_dlpack(one).reshape(table.num_rows, len(header.moments)) for one in flat])
    return np.ascontiguousarray(values_ENT.transpose(2, 0, 1))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    if whole.null_count:
        raise ValueError("it has missing values")
    return whole
