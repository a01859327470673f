"""The frame of a whole store, kept in a file, so that what has not changed is not read again.

An SQLite store that nobody wrote to since is not even opened; in any other case the store is read anew.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

import pandas as pd

from overthink.tracking.uri import database_file, tracking_uri

FORMAT = 1


def stored_frame(refresh: bool = False) -> pd.DataFrame:
    """Return the frame of all runs and groups in the store."""
    uri = tracking_uri()
    path, signature = _path(uri), _signature(uri)
    if not refresh and signature is not None:
        cached = _read(path, signature)
        if cached is not None:
            return cached
    frame = _read_store(uri)
    if signature is not None and signature == _signature(uri):
        _write(path, frame, signature)
    return frame


def _read_store(uri: str) -> pd.DataFrame:
    from overthink.comparison.frame import frame_of
    from overthink.tracking.reader import search
    from overthink.tracking.store import Store

    store = Store(uri)
    names = store.experiment_names()
    return frame_of((run for run in search(store, "", list(names)) if "overthink.kind" in run.tags), names)


def _signature(uri: str) -> str | None:
    """Return what changes whenever an SQLite store does, or None where that cannot be known without asking."""
    database = database_file(uri)
    if database is None or not database.is_file():
        return None
    files = [Path(f"{database.absolute()}{suffix}") for suffix in ("", "-wal", "-journal")]
    facts = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.exists()]
    return json.dumps([FORMAT, facts])


def _path(uri: str) -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "overthink" / "frames"
    database = database_file(uri)
    name = str(database.absolute()) if database else uri
    return root / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.parquet"


def _read(path: Path, signature: str) -> pd.DataFrame | None:
    with suppress(OSError, ValueError, KeyError):
        frame = pd.read_parquet(path)
        if frame.attrs.get("signature") == signature:
            return frame
    return None


def _write(path: Path, frame: pd.DataFrame, signature: str) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.attrs["signature"] = signature
        frame.to_parquet(unfinished)
        os.replace(unfinished, path)
