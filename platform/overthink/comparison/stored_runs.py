"""All runs of a store, read as fast as possible.

An SQLite store is read directly. A server is asked only for runs that ended since it was last asked, for those that
have not finished, and for those of groups that changed; all others come from a file. A file that cannot be read is
ignored.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from overthink.atomic_file import atomic_write
from overthink.settings import cache_folder
from overthink.store import sqlite_reader, tags
from overthink.store.liveness import is_gone
from overthink.store.raw_run import RawRun
from overthink.store.stored import StoredRun
from overthink.store.uri import database_file, tracking_uri

if TYPE_CHECKING:
    from overthink.store.client import Store

FORMAT = 4
OVERLAP_MS = 3_600_000
"""Clocks of machines differ; runs that ended up to an hour before the newest known one are asked for again."""


def stored_runs(
    refresh: bool = False, metrics: Sequence[str] | None = None, uri: str | None = None, params: bool = False
) -> list[StoredRun]:
    """Return every run and group of a store (by default of the environment's), newest first.

    `refresh` forgets what is cached. Where only some `metrics` are wanted, others may be left out to save time; so may
    the parameters of runs, not those of groups, unless `params` asks for them. A run that is RUNNING in the store
    although its process has ended is returned as interrupted.
    """
    return [
        replace(run, status="KILLED") if run.outcome == tags.RUNNING and is_gone(run.process) else run
        for run in _stored(uri or tracking_uri(), refresh, metrics, params)
    ]


def _stored(uri: str, refresh: bool, metrics: Sequence[str] | None, params: bool) -> list[StoredRun]:
    database = database_file(uri)
    if database is not None and not database.exists():
        return []  # asking MLflow would make one
    runs = sqlite_reader.read(database, metrics, params) if database is not None else None
    return [run.parsed() for run in _from_mlflow(uri, refresh)] if runs is None else runs


def _from_mlflow(uri: str, refresh: bool) -> list[RawRun]:
    from overthink.store.client import Store

    store, cache = Store(uri), _cache_file(uri)
    known = {} if refresh else _load(cache)
    runs = (_news(store, known) if known else None) or _everything(store)
    newest_first = sorted(runs.values(), key=lambda run: -run.started_ms)
    _save(cache, newest_first)
    return newest_first


def _everything(store: "Store") -> dict[str, RawRun]:
    return {run.run_id: run for run in store.search_raw("") if run.kind}


def _news(store: "Store", known: dict[str, RawRun]) -> dict[str, RawRun] | None:
    """Return the known runs with what changed since; None where the store is not the one that they came from."""
    from overthink.store.reader import deleted_run_ids
    from overthink.store.writer import now_ms

    ended = [run.ended_ms or 0 for run in known.values() if run.kind == tags.KIND_RUN]
    since = min(max(ended, default=0), now_ms()) - OVERLAP_MS  # of a clock that is ahead, runs end in the future
    fresh = {
        run.run_id: run
        for conditions in (
            "attributes.status != 'FINISHED'",  # first: one that ends before the next answer is in that
            f"attributes.end_time >= {since}",
            f"tags.`{tags.KIND}` = '{tags.KIND_GROUP}'",
        )
        for run in store.search_raw(conditions)
        if run.kind
    }
    fresh |= _of_changed_groups(store, known, fresh)
    gone, experiments = deleted_run_ids(store), store.experiment_names()
    left = {key: run for key, run in known.items() if key not in gone and run.experiment_id in experiments}
    asked = (key for key, run in left.items() if run.kind == tags.KIND_GROUP or (run.ended_ms or 0) >= since)
    return left | fresh if all(key in fresh for key in asked) else None


def _of_changed_groups(store: "Store", known: dict[str, RawRun], fresh: dict[str, RawRun]) -> dict[str, RawRun]:
    """Return all runs of groups that are not as they were: some were uploaded long after their end, or are replaced."""
    groups = [run for key, run in fresh.items() if run.kind == tags.KIND_GROUP and run != known.get(key)]
    keys = {run.group_key for run in groups}
    conditions = [f"tags.`{tags.GROUP_KEY}` = '{key}'" for key in sorted(keys) if key and "'" not in key]
    return {run.run_id: run for condition in conditions for run in store.search_raw(condition) if run.kind}


def _cache_file(uri: str) -> Path:
    return cache_folder() / "stores" / f"{hashlib.sha256(uri.encode()).hexdigest()[:24]}.json"


def _load(path: Path) -> dict[str, RawRun]:
    with suppress(OSError, ValueError, TypeError, KeyError):
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] == FORMAT:
            return {run["run_id"]: RawRun(**run) for run in content["runs"]}
    return {}


def _save(path: Path, runs: list[RawRun]) -> None:
    kept = [asdict(run) for run in runs if run.status == "FINISHED" or run.kind == tags.KIND_GROUP]
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as unfinished:
            unfinished.write_text(json.dumps({"format": FORMAT, "runs": kept}), encoding="utf-8")
