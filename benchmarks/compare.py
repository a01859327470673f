"""Time of `overthink compare` on 2,000 stored runs (goal: under 5 s cold, under 1 s warm)."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from overthink.store import tags
from overthink.store.client import Store
from overthink.store.writer import Writer

N_RUNS, N_GROUPS, N_METRICS, N_PARAMS = 2000, 100, 150, 45


def main() -> str:
    """Fill a store and return the times of the command as a process, without its cache and with it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "mlflow.db")
        environment = os.environ | {
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        cold = [_seconds(environment, "--refresh") for _ in range(3)]
        warm = [_seconds(environment) for _ in range(5)]
        imports = [_seconds(environment, code="import overthink.cli.commands.compare") for _ in range(3)]
    return (
        f"{N_RUNS} runs of {N_METRICS} metrics: cold {median(cold):.1f} s (of which imports: "
        f"{median(imports):.1f} s), warm {median(warm):.2f} s (goals 5 s and 1 s)"
    )


def _seconds(environment: dict[str, str], *arguments: str, code: str | None = None) -> float:
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "overthink.cli", "compare", *arguments]
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def fill(database: Path) -> None:
    """Store one run through MLflow, then copy its rows: 2,000 real writes would take minutes."""
    store = Store(f"sqlite:///{database}")
    writer = Writer(store)
    names = [tags.SEEDS, tags.VARIANT, tags.DEFINITION, "overthink.dataset", "overthink.network", "overthink.regime"]
    run_tags = {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: "key-0", tags.GROUP_KEY: "group-0", **dict.fromkeys(names, "0")}
    run_id = writer.create(store.experiment("bench", "n"), "run", run_tags, {f"p{n}": "value" for n in range(N_PARAMS)})
    key_numbers = ("accuracy/last", "overthinking/any_later", "overthinking/final", "oracle/accuracy")
    metrics = {f"test/{name}": 0.5 for name in key_numbers}
    writer.log(run_id, metrics | {f"test/m{n}": 0.5 for n in range(N_METRICS - len(metrics))})
    writer.dataset(run_id, "data", "0" * 64, {})
    writer.close(run_id, tags.FINISHED)
    connection = sqlite3.connect(database)
    keys = dict.fromkeys(("runs", "tags", "params", "metrics", "latest_metrics"), "run_uuid")
    for table, key in (keys | {"inputs": "destination_id"}).items():
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table} WHERE {key} = ?", [run_id]).fetchall()
        marks = ", ".join("?" * len(columns))
        for number in range(1, N_RUNS):
            copies = [_copy(dict(zip(columns, row, strict=True)), key, number) for row in rows]
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", [tuple(copy.values()) for copy in copies])
    connection.commit()
    connection.close()


def _copy(row: dict[str, object], run_id: str, number: int) -> dict[str, object]:
    row[run_id] = f"{number:032x}"
    if "input_uuid" in row:
        row["input_uuid"] = row[run_id]
    if row.get("key") == tags.RUN_KEY:
        row["value"] = f"key-{number}"
    elif row.get("key") == tags.GROUP_KEY:
        row["value"] = f"group-{number % N_GROUPS}"
    elif row.get("key") == tags.SEEDS:
        row["value"] = str(number)
    return row
