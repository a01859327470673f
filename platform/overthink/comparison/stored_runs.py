"""All runs of the store, as fast as it can be had.

An SQLite store is read directly. A server is asked only for runs that ended since it was last asked, and for those
that have not finished; what is finished stays as it is and comes from a file. Anything odd about that file, and it is
ignored.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from overthink.tracking import sqlite_reader, tags
from overthink.tracking.stored import StoredRun
from overthink.tracking.uri import database_file, tracking_uri

FORMAT = 1
OVERLAP_MS = 3_600_000
"""Clocks of machines differ; runs that ended up to an hour before the newest known one are asked for again."""


def stored_runs(refresh: bool = False, metrics: Sequence[str] | None = None) -> list[StoredRun]:
    """Return every run and group in the store, newest first; `refresh` forgets what is cached.

    Where only some `metrics` are wanted, others may be left out to save time.
    """
    uri = tracking_uri()
    database = database_file(uri)
    if database is not None and database.is_file():
        runs = sqlite_reader.read(database, metrics)
        if runs is not None:
            return runs
    return _from_mlflow(uri, refresh)


def _from_mlflow(uri: str, refresh: bool) -> list[StoredRun]:
    from overthink.tracking.reader import deleted_run_ids, search
    from overthink.tracking.store import Store

    store, cache = Store(uri), _cache_file(uri)
    known = {} if refresh else _load(cache)
    if known:
        since = max(run.ended_ms or 0 for run in known.values()) - OVERLAP_MS
        fresh = [
            *search(store, f"attributes.end_time >= {since}"),
            *search(store, "attributes.status != 'FINISHED'"),
            *search(store, f"tags.`{tags.KIND}` = '{tags.KIND_GROUP}'"),
        ]
    else:
        fresh = list(search(store, ""))
    gone = deleted_run_ids(store) if known else set()
    runs = {**known, **{run.run_id: run for run in fresh if "overthink.kind" in run.tags}}
    kept = sorted((run for run in runs.values() if run.run_id not in gone), key=lambda run: -run.started_ms)
    _save(cache, kept)
    return kept


def _cache_file(uri: str) -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "overthink" / "stores"
    return root / f"{hashlib.sha256(uri.encode()).hexdigest()[:24]}.json"


def _load(path: Path) -> dict[str, StoredRun]:
    with suppress(OSError, ValueError, TypeError, KeyError):
        content = json.loads(path.read_text())
        if content["format"] == FORMAT:
            return {run["run_id"]: StoredRun(**run) for run in content["finished"]}
    return {}


def _save(path: Path, runs: list[StoredRun]) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    finished = [asdict(run) for run in runs if run.status == "FINISHED" and not run.is_group]
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps({"format": FORMAT, "finished": finished}))
        os.replace(unfinished, path)
