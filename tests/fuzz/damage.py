"""One run of a store, damaged: its tags, metrics and times, its JSON, its predictions, its checkpoint, its files."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from fuzz.mutations import VALUES, bytes_changed, parts, restructured
from overthink.store import tags
from support.hostile import ARTIFACTS, RUNS, Damaged

Damage = Callable[[random.Random, Damaged, str], None]
TAGS = [value for name, value in vars(tags).items() if isinstance(value, str) and value.startswith("overthink.")]
TAGS += [tags.named(name) for name in ("dataset", "network", "regime", "labels")]
TAGS += [tags.MLFLOW_NOTE, tags.PARENT_OF_MLFLOW]
TEXTS: tuple[Any, ...] = (
    *("[" * 3000, "{" * 9000, '{"a":' * 3000, "[]", "[1]", "{}", "null", "NaN", "Infinity", "-1", "1e999", "9" * 6000),
    *('{"all": 1}', '{"all": "0 1"}', '{"\\ud800": "0"}', '{"none": "0", "init@99999999999": "0 1"}', '{"": ""}'),
    *("0:9999999999", "0:5 " * 3000, "split0-init1-order0-augment0", "99999999999999999999", "-1", "0-repeat1", "²"),
    *(
        "[red]x",
        "\x1b[31m",
        "\u202e",
        "<script>alert(1)</script>",
        r"\input{x}",
        "=1+1",
        "a\nb\r\nc",
        "\ud7ff",
        "x" * 9000,
    ),
    *(
        "",
        " ",
        "é" * 400,
        "😀" * 200,
        "finished",
        "running",
        "failed",
        "group",
        "run",
        "policy",
        "../../../etc",
        "'",
        "`",
    ),
    *(b"\xff\xfe", b"", 7, -1, 2**62, 0.5, 1e308, "x" * 200_000),
)
NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 0.5, 2, 7e9, 1e19, 1e200, 1e308, 1.7976931348623157e308, -1e308, 5e-324, "many", "", b"\xff", "1"),
)
TIMES: tuple[Any, ...] = (0, -1, 1, 2**62, 10**13, 9 * 10**12, "then", 1.5, b"", 253402300800000)
LARGEST_TABLE = 500_000_000
"""Bytes: of much more, pyarrow dies when it makes a table (no memory) or writes it (SIGSEGV)."""
COLUMN_VALUES: tuple[Any, ...] = (
    0,
    1,
    -1,
    2,
    9,
    10**6,
    2**62,
    -(2**63),
    0.0,
    0.5,
    -0.5,
    1e300,
    np.nan,
    np.inf,
    -np.inf,
)


def damage(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    """Damage a run in one to three ways."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        chance.choice(KINDS)(chance, damaged, run_id)


def _tag(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    damaged.tag(run_id, chance.choice(TAGS), chance.choice(TEXTS))


def _json_tag(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    paper = {"metric": "test/accuracy/last", "value": 0.5, "source": "Table 1", "approximate": False}
    forms = {
        tags.ARMS: {"all": "0 1", "init": "0 split0-init1-order0-augment0", "none": "0 0-repeat1"},
        tags.REPORTED: [paper],
        tags.CHANGES_JSON: {"network.growth": 4, "regime.0.drops": [1, 2]},
    }
    tag = chance.choice(list(forms))
    damaged.tag(run_id, tag, json.dumps(restructured(chance, forms[tag], list(VALUES))))


def _metric(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    rows = damaged.rows("SELECT key FROM latest_metrics WHERE run_uuid = ?", run_id)
    names = [*tags.RATES, *(key for (key,) in rows), *tags.RATES]
    name = chance.choice(names)
    is_nan = chance.choice((0, 0, 0, 1))
    damaged.metric(run_id, f"test/{name}" if name in tags.RATES else name, chance.choice(NUMBERS), is_nan)


def _new_metric(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    name = chance.choice(
        ("run_id", "group_key", "kind", "test/", "/", "a" * 250, "\x1b[31m", "started", "regime.0.epochs")
    )
    damaged.metric(run_id, name, chance.choice(NUMBERS))


def _param(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    name = chance.choice(("network.blocks", "network.kind", "regime.0.epochs", "run_id", "test/accuracy/last", "a.b"))
    damaged.sql("DELETE FROM params WHERE run_uuid = ? AND key = ?", run_id, name)
    damaged.sql("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", name, chance.choice(TEXTS), run_id)


def _many_values(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    many = [(f"{chance.choice('ab')}.{number}", str(number), run_id) for number in range(12_000)]
    damaged.many("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", many)


def _run(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    column, values = chance.choice(
        (
            ("name", TEXTS),
            ("status", ("", "DONE", "RUNNING", "FAILED", "KILLED", "SCHEDULED", 7, b"\xff", "x" * 9000)),
            ("start_time", TIMES),
            ("end_time", TIMES),
            (
                "artifact_uri",
                ("", "nowhere", "a/../b", "s3://x/y", "odd://x/y", "http://127.0.0.1:9/x", "file://x/y", "\x00"),
            ),
        )
    )
    damaged.sql(f"UPDATE runs SET {column} = ? WHERE run_uuid = ?", chance.choice(values), run_id)


def _digest(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    data = "SELECT source_id FROM inputs WHERE destination_id = ?"
    damaged.sql(f"UPDATE datasets SET digest = ? WHERE dataset_uuid IN ({data})", chance.choice(TEXTS), run_id)


def _twin(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    """Add a run with the same tags, and another name or time."""
    twin = f"{chance.getrandbits(128):032x}"
    columns = ", ".join(row[1] for row in damaged.rows("PRAGMA table_info(runs)") if row[1] != "run_uuid")
    damaged.sql(
        f"INSERT INTO runs (run_uuid, {columns}) SELECT ?, {columns} FROM runs WHERE run_uuid = ?", twin, run_id
    )
    for table, of in (("tags", "key, value"), ("latest_metrics", "key, value, timestamp, step, is_nan")):
        damaged.sql(
            f"INSERT INTO {table} (run_uuid, {of}) SELECT ?, {of} FROM {table} WHERE run_uuid = ?", twin, run_id
        )
    _run(chance, damaged, twin)


def _json_file(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    name = chance.choice((tags.DEFINITION_FILE, tags.DEFINITION_FILE, tags.PROVENANCE_FILE))
    path = damaged.artifact(run_id, name)
    if path.is_file() and path.stat().st_size < 10**6:
        try:
            content = json.loads(path.read_text())
        except (ValueError, RecursionError):  # damaged before
            return
        for _ in range(chance.choice((1, 1, 2))):
            content = restructured(chance, content, [*parts(content), *VALUES])
        if name == tags.PROVENANCE_FILE and chance.random() < 0.3:
            content = {"attempts": chance.choice((content, [content, 7], 3, [], [[]], {"a": 1}, None))}
        path.write_text(json.dumps(content))


def _text_file(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    path = damaged.artifact(run_id, chance.choice((tags.DEFINITION_FILE, tags.PROVENANCE_FILE)))
    if path.is_file() and path.stat().st_size < 10**6:
        odd = (
            "[" * 100_000,
            '{"a":' * 5000,
            "",
            "null",
            "\x00",
            '{"a": NaN}',
            '"\\ud800"',
            "9" * 5000,
            " " * 40_000_000,
        )
        text = path.read_text(errors="replace")
        path.write_text(chance.choice((*odd, text[: chance.randrange(len(text) + 1)])))


def _table(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    path = damaged.artifact(run_id, f"predictions/{chance.choice(('test', 'test', 'val', 'everything'))}.parquet")
    if not path.is_file() or path.stat().st_size > 10**6:
        return
    try:
        table = pq.ParquetFile(path).read()
        for _ in range(chance.choice((1, 1, 2))):
            table = chance.choice(TABLE_CHANGES)(chance, table)
        settings: dict[str, Any] = {"use_dictionary": chance.choice((True, False, ["level"]))}
        if chance.random() < 0.1:
            settings |= {"use_dictionary": False, "column_encoding": {"level": "DELTA_BYTE_ARRAY"}}
        pq.write_table(table, path, compression=chance.choice(("zstd", "snappy", "none")), **settings)
    except (pa.ArrowException, ValueError, TypeError, KeyError, OverflowError):  # damaged before, or no such table
        path.write_bytes(b"")


def _value(chance: random.Random, table: pa.Table) -> pa.Table:
    place = chance.randrange(table.num_columns)
    name, values = table.column_names[place], table.column(place).to_pylist()
    value = chance.choice(COLUMN_VALUES)
    if not values or isinstance(values[0], list):
        return table
    if isinstance(values[0], int) and abs(value) < 2**63:  # not NaN either
        value = int(value)
    for row in chance.sample(range(len(values)), chance.choice((1, len(values)))):
        texts = ("odd", "", "x" * min(10**6, LARGEST_TABLE // len(values)), None)
        values[row] = chance.choice(texts) if isinstance(values[0], str) else value
    return table.set_column(place, name, pa.array(values, table.schema.field(place).type))


def _type(chance: random.Random, table: pa.Table) -> pa.Table:
    place, kinds = (
        chance.randrange(table.num_columns),
        (pa.int32(), pa.float32(), pa.string(), pa.uint64(), pa.float64()),
    )
    return table.set_column(place, table.column_names[place], table.column(place).cast(chance.choice(kinds)))


def _rows(chance: random.Random, table: pa.Table) -> pa.Table:
    count = table.num_rows
    take = chance.choice(([], [0], [0, 0], list(range(count // 2)), list(range(count)) * 2, list(range(count))[::-1]))
    return table.take(take)


def _other_ids(chance: random.Random, table: pa.Table) -> pa.Table:
    ids = [number + chance.choice((10**6, 1)) for number in table["sample_id"].to_pylist()]
    return table.set_column(table.column_names.index("sample_id"), "sample_id", pa.array(ids, pa.int64()))


def _all_rows_alike(chance: random.Random, table: pa.Table) -> pa.Table:
    """Few bytes that stand for many rows."""
    count = chance.choice((1000, 100_000, 4_000_000))
    if table.num_rows and count * table.nbytes > LARGEST_TABLE * table.num_rows:
        return table
    columns = {}
    for name in table.column_names:
        columns[name] = pa.repeat(table[name][0], count)
    if chance.random() < 0.8:
        columns["sample_id"] = pa.array(np.arange(count))
    return pa.table(columns).replace_schema_metadata(table.schema.metadata)


def _long_level(chance: random.Random, table: pa.Table) -> pa.Table:
    length = chance.choice((10**6, 10**7))
    if length * table.num_rows > LARGEST_TABLE:
        return table
    names = pa.array(["x" * length] * table.num_rows)
    return table.set_column(table.column_names.index("level"), "level", names)


def _columns(chance: random.Random, table: pa.Table) -> pa.Table:
    place = chance.randrange(table.num_columns)
    match chance.randrange(3):
        case 0:
            return table.remove_column(place)
        case 1:
            return table.append_column(chance.choice(("more", table.column_names[place])), table.column(place))
        case _:
            other = chance.randrange(table.num_columns)
            return table.set_column(place, table.column_names[place], table.column(other))


def _header(chance: random.Random, table: pa.Table) -> pa.Table:
    key = b"overthink.predictions"
    meta = json.loads((table.schema.metadata or {}).get(key, b"{}"))
    text = (
        json.dumps(restructured(chance, meta, list(VALUES)))
        if chance.random() < 0.8
        else chance.choice(("[" * 5000, ""))
    )
    return table.replace_schema_metadata({key: text})


def _exits(chance: random.Random, table: pa.Table) -> pa.Table:
    """Another number of exits than the other runs have."""
    key = b"overthink.predictions"
    meta = json.loads((table.schema.metadata or {})[key])
    last = len(meta["cost"])
    more = chance.choice((1, 1, 200))
    for number in range(last + 1, last + 1 + more):
        for name in [name for name in table.column_names if name.startswith(f"exit_{last}_")]:
            table = table.append_column(name.replace(f"exit_{last}_", f"exit_{number}_"), table[name])
        meta["cost"].append(meta["cost"][-1] + 1)
    return table.replace_schema_metadata({key: json.dumps(meta)})


TABLE_CHANGES = (
    *(_value, _value, _value, _type, _rows, _other_ids, _all_rows_alike, _all_rows_alike),
    *(_long_level, _columns, _header, _header, _exits),
)


def _checkpoint(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    path = damaged.artifact(run_id, "checkpoint/checkpoint.safetensors")
    if not path.is_file():
        return
    try:
        with safe_open(path, framework="pt") as file:
            tensors, meta = {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (OSError, SafetensorError):  # there is none, or it was damaged before
        return
    name = chance.choice(list(tensors))
    match chance.randrange(6):
        case 0:
            tensors[name] = torch.full_like(tensors[name], chance.choice((0, 1)))
        case 1:
            tensors[name] = tensors[name].double() * float("nan")
        case 2:
            del tensors[name]
        case 3:
            tensors[chance.choice(("network/more", "momentum/more", "x"))] = torch.zeros(3, 3)
        case 4:
            tensors[name] = torch.zeros(2, 2, 2)
        case _:
            meta[chance.choice(list(meta))] = str(chance.choice(TEXTS))[:9000]
    if chance.random() < 0.8:
        from overthink.training.checkpoint import _digest

        meta["digest"] = _digest(tensors)
    save_file(tensors, path, metadata=meta)


def _file(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    """Something else where a file was."""
    path = damaged.artifact(run_id, chance.choice(ARTIFACTS))
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 10**6:
        return
    content = path.read_bytes()
    match chance.randrange(9):
        case 0:
            path.unlink()
        case 1:
            path.unlink()
            path.mkdir()
        case 2:
            path.unlink()
            path.symlink_to(
                chance.choice(("/etc/passwd", "/dev/zero", "/dev/stdin", "nowhere", path.name, damaged.outside / "new"))
            )
        case 3:
            path.unlink()
            os.mkfifo(path)
        case 4:
            path.write_bytes(b"")
            os.truncate(path, 10**13)
        case 5:
            path.write_bytes(content[: chance.randrange(len(content) + 1)])
        case 6 | 7:
            path.write_bytes(bytes_changed(chance, content))
        case _:
            other = damaged.artifact(chance.choice(RUNS), chance.choice(ARTIFACTS))
            if other.is_file() and other != path:
                shutil.copyfile(other, path)


def _folder(chance: random.Random, damaged: Damaged, run_id: str) -> None:
    """The folder of a run's artifacts is gone, empty, or a link to another place."""
    path: Path = damaged.artifact(run_id, chance.choice(("", "predictions", "analysis")))
    if path.is_symlink():
        return
    shutil.rmtree(path, ignore_errors=True)
    if (other := chance.choice((None, "", damaged.outside, damaged.outside))) is not None:
        path.symlink_to(other) if other else path.mkdir(parents=True, exist_ok=True)


KINDS: tuple[Damage, ...] = (
    *(_tag, _tag, _tag, _json_tag, _json_tag, _metric, _metric, _new_metric, _param, _many_values, _run, _run, _digest),
    *(_twin, _json_file, _json_file, _text_file, _table, _table, _table, _table, _table, _checkpoint, _checkpoint),
    *(_file, _file, _file, _folder),
)
