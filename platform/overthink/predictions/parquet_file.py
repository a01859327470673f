"""What our Parquet files have in common: a row per sample, and JSON in the schema metadata for all of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from pydantic import ValidationError

from overthink.atomic_file import atomic_write
from overthink.predictions.probing import written
from overthink.spec import Spec

T = TypeVar("T", bound=Spec)


def write_parquet(
    path: Path, columns: Mapping[str, pa.Array], metadata: Mapping[bytes, str], dictionaries: list[str] | bool = True
) -> None:
    """Write the file atomically; raises OSError if it cannot be written."""
    table = pa.table(columns).replace_schema_metadata(metadata)
    with atomic_write(path) as unfinished:
        with unfinished.open("wb") as file:
            pq.write_table(table, file, compression="zstd", use_dictionary=dictionaries, write_page_checksum=True)
        written(unfinished)


def header_of(schema: pa.Schema, key: bytes, kind: type[T], holds: str) -> T:
    """Return the values for all rows; raises ValueError where there are none, so that the file holds no `holds`."""
    text = (schema.metadata or {}).get(key)
    if text is None:
        raise ValueError(f"its schema has no metadata {key.decode()!r}, so it holds no {holds}")
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise ValueError(f"its metadata is not valid: {where}: {first['msg']}") from None


def check_columns(schema: pa.Schema, expected: Mapping[str, pa.DataType], others: str) -> None:
    """Raise ValueError unless a file has these columns and no others, as `others` says: `a course does not have`."""
    for name, kind in expected.items():
        if name not in schema.names:
            raise ValueError(f"its column {name} is missing")
        if (found := schema.field(schema.names.index(name)).type) != kind:
            raise ValueError(f"its column {name} is {found}, expected {kind}")
    if len(schema.names) > len(expected):
        extra = sorted(set(schema.names) - set(expected)) or "repeated names"
        raise ValueError(f"it has columns that {others}: {extra}")
