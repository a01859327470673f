"""Where a run's artifacts are: beside the database wherever its folder lies now, or where the server keeps them.

MLflow notes absolute paths. What a server names is not trusted: any of its accounts may make an experiment whose
artifacts lead to a path of the computer that trains, or to another server.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from overthink.store.database_lock import locked
from overthink.store.sqlite_reader import at_database, now_at, opened
from overthink.store.uri import local_folder, location_of

# A database can be edited with any program, whatever types its columns declare.
LOCATIONS = "SELECT experiment_id, artifact_location FROM experiments WHERE typeof(artifact_location) = 'text'"
RUNS = "SELECT run_uuid FROM runs WHERE experiment_id = ? AND typeof(run_uuid) = 'text'"
MODELS = "SELECT model_id FROM logged_models WHERE experiment_id = ? AND typeof(model_id) = 'text'"


class _Move(NamedTuple):
    """Of an experiment's artifacts."""

    experiment_id: int
    location: str
    """The new one."""
    runs: tuple[str, ...]
    """Those whose artifacts lie at the new place."""
    models: tuple[str, ...]
    """Of its models, too."""


def is_the_servers(location: str, server: str, default: Callable[[], str | None]) -> bool:
    """Tell whether artifacts lie where a server keeps them, not in a folder of this machine or on another server.

    `default` gives the location of the experiment that the server made itself, None where it cannot be seen: another
    kind of place (`s3://`) is the server's where it is in the same bucket.
    """
    parts = _parts(location)
    if parts.scheme == "mlflow-artifacts":
        return parts.netloc in ("", urlsplit(server).netloc.rpartition("@")[2])
    if parts.scheme in ("", "file"):
        return False
    return (parts.scheme, parts.netloc) == _parts(default() or "")[:2]


def is_the_databases(location: str, _database: str, default: Callable[[], str | None]) -> bool:
    """Tell whether artifacts lie where a store without a server keeps them: on this machine, or where `default` does.

    Whoever can write to a database may name any address; nothing is sent to one that a single run names.
    """
    parts = _parts(location)
    if parts.scheme in ("", "file"):
        return local_folder(location) is not None
    return (parts.scheme, parts.netloc) == _parts(default() or "")[:2]


def _parts(location: str) -> SplitResult:
    try:
        return urlsplit(location)
    except ValueError:  # [ without ]
        return urlsplit("none:")


def beside(database: Path, artifact_uri: str) -> str:
    """Return where a run's artifacts are, of a store whose folder may have been moved or copied."""
    stored = local_folder(artifact_uri)
    if stored is None:
        return artifact_uri
    folder = now_at(database, stored)
    return artifact_uri if folder == stored else location_of(folder)


def update_moved(database: Path) -> None:
    """Write into a moved or copied store where its artifacts are now, for whoever reads it without overthink."""
    with closing(opened(database)) as connection:
        if not _moves(connection, database):
            return
    with locked(database), closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        connection.execute("BEGIN IMMEDIATE")
        for move in _moves(connection, database):
            connection.execute(
                "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?",
                (move.location, move.experiment_id),
            )
            for run in move.runs:
                connection.execute(
                    "UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (f"{move.location}/{run}/artifacts", run)
                )
            for model in move.models:
                place = f"{move.location}/models/{model}/artifacts"
                connection.execute("UPDATE logged_models SET artifact_location = ? WHERE model_id = ?", (place, model))
                connection.execute(
                    "UPDATE model_versions SET storage_location = ? WHERE source = ?", (place, f"models:/{model}")
                )


def _moves(connection: sqlite3.Connection, database: Path) -> list[_Move]:
    """Return the experiments that have a folder beside the database, and elsewhere none or that of a copy."""
    found = []
    for number, location in connection.execute(LOCATIONS).fetchall():
        stored = local_folder(location)
        near = at_database(database, stored) if stored is not None else None
        if stored is None or near is None or near.resolve() == stored.resolve() or not near.is_dir():
            continue
        runs, models = (connection.execute(query, (number,)).fetchall() for query in (RUNS, MODELS))
        here = tuple(run for (run,) in runs if (near / run).is_dir())
        models_here = tuple(model for (model,) in models if (near / "models" / model).is_dir())
        if here or not stored.is_dir():
            found.append(_Move(number, location_of(near), here, models_here))
    return found
