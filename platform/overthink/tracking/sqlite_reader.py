"""All runs of an SQLite store in one look, without MLflow.

MLflow's own search takes seconds for a thousand runs, and importing it takes as long again. These few tables have kept
their columns for years; where one is missing, `read` returns None and the caller asks MLflow. Opened for reading only.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from overthink.tracking import tags
from overthink.tracking.stored import StoredRun

COLUMNS = {
    "experiments": {"experiment_id", "lifecycle_stage"},
    "runs": {"run_uuid", "experiment_id", "name", "status", "start_time", "end_time", "lifecycle_stage"},
    "tags": {"run_uuid", "key", "value"},
    "latest_metrics": {"run_uuid", "key", "value", "is_nan"},
}
OURS = f"""
    SELECT run_uuid FROM runs JOIN experiments USING (experiment_id)
    WHERE runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active'
    AND run_uuid IN (SELECT run_uuid FROM tags WHERE key = '{tags.KIND}')
"""


def read(database: Path) -> list[StoredRun] | None:
    """Return every run and group of ours, newest first, or None where the database is not laid out as expected."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(database.absolute()))}?mode=ro", uri=True)) as connection:
            if not _as_expected(connection):
                return None
            return _runs(connection)
    except sqlite3.Error:
        return None


def _as_expected(connection: sqlite3.Connection) -> bool:
    return all(
        columns <= {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        for table, columns in COLUMNS.items()
    )


def _runs(connection: sqlite3.Connection) -> list[StoredRun]:
    runs = {
        row[0]: StoredRun(row[0], str(row[1]), row[2] or "", row[3], row[4] or 0, row[5], {}, {})
        for row in connection.execute(
            f"SELECT run_uuid, experiment_id, name, status, start_time, end_time FROM runs WHERE run_uuid IN ({OURS}) "
            "ORDER BY start_time DESC, run_uuid"
        )
    }
    for run_id, key, value in connection.execute(f"SELECT run_uuid, key, value FROM tags WHERE run_uuid IN ({OURS})"):
        runs[run_id].tags[key] = value
    metrics = f"SELECT run_uuid, key, value FROM latest_metrics WHERE NOT is_nan AND run_uuid IN ({OURS})"
    for run_id, key, value in connection.execute(metrics):
        runs[run_id].metrics[key] = value
    return list(runs.values())
