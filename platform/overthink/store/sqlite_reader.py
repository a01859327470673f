"""All runs of an SQLite store in one look, without MLflow.

MLflow's own search takes seconds for a thousand runs, and importing it takes as long again. These few tables have kept
their columns for years; where one is missing, `read` returns None and the caller asks MLflow. Opened for reading only.
SQLite keeps any value in any column, and one row that MLflow cannot take ends its search for all.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from math import nan
from pathlib import Path
from urllib.parse import quote

from overthink.store import tags
from overthink.store.raw_run import RawRun
from overthink.store.run_values import LONGEST_TAG
from overthink.store.stored import StoredRun, data_seen
from overthink.store.uri import local_folder

COLUMNS = {
    "experiments": {"experiment_id", "lifecycle_stage"},
    "runs": {"run_uuid", "experiment_id", "name", "status", "start_time", "end_time", "lifecycle_stage"},
    "tags": {"run_uuid", "key", "value"},
    "params": {"run_uuid", "key", "value"},
    "latest_metrics": {"run_uuid", "key", "value", "is_nan"},
    "inputs": {"source_type", "source_id", "destination_type", "destination_id"},
    "datasets": {"dataset_uuid", "digest"},
}
ACTIVE = """
    SELECT run_uuid FROM runs JOIN experiments USING (experiment_id)
    WHERE runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active' AND typeof(run_uuid) = 'text'
"""
OURS = f"{ACTIVE} AND run_uuid IN (SELECT run_uuid FROM tags WHERE key = '{tags.KIND}')"
GROUPS = f"SELECT run_uuid FROM tags WHERE key = '{tags.KIND}' AND value = '{tags.KIND_GROUP}'"
CUT = f"CASE typeof({{0}}) WHEN 'text' THEN substr({{0}}, 1, {LONGEST_TAG + 1}) WHEN 'blob' THEN '' ELSE {{0}} END"
"""A value of a column, no more of a text than shows that it is too long."""
SEEN = f"""
    SELECT destination_id, {CUT.format("digest")} FROM inputs JOIN datasets ON source_id = dataset_uuid
    WHERE source_type = 'DATASET' AND destination_type = 'RUN' AND destination_id IN ({{}}) ORDER BY digest
"""
PLACES = """
    SELECT run_uuid, artifact_uri FROM runs WHERE typeof(run_uuid) = 'text' AND typeof(artifact_uri) = 'text'
"""
ONE_STATE = "BEGIN"
"""Begins to read a store as it is at one moment, while other processes make and end runs."""
TAGGED = "INTERSECT SELECT run_uuid FROM tags WHERE key = ? AND value = ?"


def read(database: Path, metrics: Sequence[str] | None = None, params: bool = True) -> list[StoredRun] | None:
    """Return every run and group of ours, newest first, with all metrics or some of them, and their parameters.

    Without `params`, groups alone have their parameters. Returns None where the database is not laid out as expected.
    """
    found = _at_one_moment(database, lambda connection: _runs(connection, OURS, metrics, params))
    return None if found is None else [run.parsed() for run in found if run.kind]


def tagged(database: Path, wanted: Mapping[str, str]) -> list[RawRun] | None:
    """Return the runs that have tags of these values, newest first; None as `read` does."""

    def chosen(connection: sqlite3.Connection) -> list[RawRun]:
        conditions = (text for tag in wanted.items() for text in tag)
        connection.execute(f"CREATE TEMP TABLE chosen AS {ACTIVE} {TAGGED * len(wanted)}", tuple(conditions))
        return _runs(connection, "SELECT run_uuid FROM chosen")

    return _at_one_moment(database, chosen)


def _at_one_moment(database: Path, read_runs: Callable[[sqlite3.Connection], list[RawRun]]) -> list[RawRun] | None:
    """Return what is read of a database as it is at one moment; None where it is not laid out as expected."""
    try:
        with closing(opened(database)) as connection:
            connection.execute(ONE_STATE)
            return read_runs(connection) if _as_expected(connection) else None
    except sqlite3.Error:
        return None


def is_as_expected(database: Path) -> bool:
    """Tell whether a database is laid out as expected, so that `read` and `artifact_folders` can be relied on."""
    try:
        with closing(opened(database)) as connection:
            return _as_expected(connection)
    except sqlite3.Error:
        return False


def experiment_tags(database: Path) -> dict[str, dict[str, str]]:
    """Return the tags of each experiment that is not deleted, by its id; nothing can be wrong."""
    found: dict[str, dict[str, str]] = {}
    rows = (
        "SELECT experiment_id, experiment_tags.key, experiment_tags.value FROM experiment_tags "
        "JOIN experiments USING (experiment_id) WHERE lifecycle_stage = 'active'"
    )
    try:
        with closing(opened(database)) as connection:
            for experiment_id, key, value in connection.execute(rows):
                found.setdefault(str(experiment_id), {})[str(key)] = str(value or "")
    except sqlite3.Error:
        return {}
    return found


def artifact_folders(database: Path) -> dict[str, Path]:
    """Return the folder of each run's artifacts, of those runs that keep them on this machine; nothing can be wrong.

    A relative folder is one of the working directory, as for MLflow; of a store that was moved, that beside it.
    """
    try:
        with closing(opened(database)) as connection:
            places = connection.execute(PLACES).fetchall()
    except sqlite3.Error:
        return {}
    folders = {run_id: folder for run_id, uri in places if (folder := local_folder(uri)) is not None}
    return {run_id: now_at(database, folder) for run_id, folder in folders.items()}


def now_at(database: Path, folder: Path) -> Path:
    """Return where a run's folder of artifacts is, of a store that may have been moved or copied."""
    near = at_database(database, folder)
    return near if near is not None and (near.parent.is_dir() or not folder.parent.is_dir()) else folder


def at_database(database: Path, folder: Path) -> Path | None:
    """Return the same folder under `mlruns` beside a database, or None for one that is not under an `mlruns`."""
    if "mlruns" not in folder.parts:
        return None
    below = folder.parts[::-1].index("mlruns")
    return database.absolute().parent.joinpath(*folder.parts[len(folder.parts) - 1 - below :])


def opened(database: Path) -> sqlite3.Connection:
    """Return a connection that reads only."""
    connection = sqlite3.connect(f"file:{quote(str(database.absolute()))}?mode=ro", uri=True)
    connection.text_factory = lambda value: value.decode("utf-8", "replace")
    return connection


def _as_expected(connection: sqlite3.Connection) -> bool:
    return all(
        columns <= {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        for table, columns in COLUMNS.items()
    )


def _runs(
    connection: sqlite3.Connection, chosen: str, metrics: Sequence[str] | None = None, params: bool = True
) -> list[RawRun]:
    """Return the runs that a statement chooses, newest first."""
    seen: dict[str, list[str]] = {}
    for run_id, digest in connection.execute(SEEN.format(chosen)):
        seen.setdefault(run_id, []).append(str(digest))
    runs = {
        row[0]: RawRun(
            row[0], str(row[1]), row[2] or "", row[3], row[4] or 0, row[5], data=data_seen(seen.get(row[0], ()))
        )
        for row in connection.execute(
            f"SELECT run_uuid, experiment_id, {CUT.format('name')}, status, start_time, end_time FROM runs "
            f"WHERE run_uuid IN ({chosen}) ORDER BY start_time DESC, run_uuid"
        )
    }
    texts = f"SELECT run_uuid, {CUT.format('key')}, {CUT.format('value')} FROM {{}} WHERE run_uuid IN ({{}})"
    for run_id, key, value in connection.execute(texts.format("tags", chosen)):
        runs[run_id].tags[key] = value or ""
    of = chosen if params else f"{chosen} AND run_uuid IN ({GROUPS})"
    for run_id, key, value in connection.execute(texts.format("params", of)):
        runs[run_id].params[key] = value or ""
    wanted = "" if metrics is None else f"key IN ({', '.join('?' * len(metrics))}) AND"
    values = f"SELECT run_uuid, {CUT.format('key')}, {CUT.format('value')}, is_nan FROM latest_metrics WHERE {wanted} "
    for run_id, key, value, is_nan in connection.execute(f"{values} run_uuid IN ({chosen})", metrics or ()):
        runs[run_id].metrics[key] = nan if is_nan else value
    return list(runs.values())
