"""Text with a line of column names as a table: delimiter, decimal comma and comment lines are recognised."""

import csv
import io
import re
from typing import BinaryIO

import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import csv as pa_csv

LONGEST_LINE = 1_000_000
ROWS_LOOKED_AT = 500
"""In which a decimal comma is recognised: whole numbers have none."""
DELIMITERS = "\t;,|"
NUMBER = re.compile(r"\s*[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?\s*")


def read_text(file: BinaryIO) -> pa.Table:
    """Return the columns of a file in UTF-8. Raises ValueError or ArrowException where it is no such table.

    Lines that begin with # before the names are comments; the names may stand in the last of them, as `numpy.savetxt`
    writes them. Where the delimiter is not the comma, numbers may have a decimal comma.
    """
    names, delimiter = _names(file)
    if not names:
        raise ValueError("it has no line that names the columns")
    if all(map(NUMBER.fullmatch, names)):
        raise ValueError("its first line must name the columns, but holds numbers")
    place = file.tell()
    first = [_fields(_line(file), delimiter) for _ in range(ROWS_LOOKED_AT)] if delimiter != "," else []
    file.seek(place)
    decimal_comma = any("," in field for row in first for field in row if NUMBER.fullmatch(field))
    rows = file if delimiter else io.BytesIO(b"".join(b"\t".join(line.split()) + b"\n" for line in file))
    return pa_csv.read_csv(
        rows,
        read_options=pa_csv.ReadOptions(column_names=names),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter or "\t"),
        convert_options=pa_csv.ConvertOptions(decimal_point="," if decimal_comma else "."),
    )


def _names(file: BinaryIO) -> tuple[list[str], str | None]:
    """Return the names of the columns and the delimiter; the file is left where the rows begin."""
    place, comment, line = 0, "", _line(file).removeprefix("\ufeff")
    while line.startswith("#"):
        place, comment, line = file.tell(), line.lstrip("# "), _line(file)
    delimiter = _delimiter(line)
    names, above = _fields(line, delimiter), _fields(comment, delimiter)
    if len(above) == len(names) and any(map(NUMBER.fullmatch, names)):
        file.seek(place)
        return above, delimiter
    return names, delimiter


def _delimiter(line: str) -> str | None:
    """Return the delimiter that is most frequent in a line; None where words are separated by spaces."""
    best = max(DELIMITERS, key=line.count)
    return best if line.count(best) else None if len(line.split()) > 1 else ","


def _fields(line: str, delimiter: str | None) -> list[str]:
    return line.split() if delimiter is None else next(csv.reader([line.strip("\r\n")], delimiter=delimiter), [])


def _line(file: BinaryIO) -> str:
    return file.readline(LONGEST_LINE).decode()
