"""Where the store is, and where the outbox is. Apart from `client`, which imports mlflow."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from overthink.sentences import utf_8

DATABASE = "mlflow.db"


def tracking_uri() -> str:
    """Return MLFLOW_TRACKING_URI, else the SQLite file in the working directory that a bare `mlflow ui` shows.

    Raises ValueError for a path that is not UTF-8: databases hold no other text.
    """
    return _checked("store", os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path(DATABASE).absolute()}")


def _checked(what: str, path: str) -> str:
    if path != utf_8(path):
        raise ValueError(f"{what} {path}: not UTF-8 in this locale; use a folder of another name, or set PYTHONUTF8=1")
    return path


def database_file(uri: str) -> Path | None:
    """Return the file of an SQLite store, or None for any other store."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def is_server(uri: str) -> bool:
    """Tell whether a store is a server, which keeps artifacts, too; any other keeps those on this machine."""
    return urlsplit(uri).scheme in ("http", "https")


def without_password(uri: str) -> str:
    """Return a URI as it may be shown."""
    parts = urlsplit(uri)
    return uri.replace(f":{parts.password}@", ":***@") if parts.password else uri


def without_account(uri: str) -> str:
    """Return the address of a server as a link: a browser asks for name and password itself."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")


def identity(uri: str) -> str:
    """Return a name of a store that is the same from anywhere on this machine, without user name and password."""
    database = database_file(uri)
    return f"sqlite:///{database.absolute()}" if database is not None else without_account(uri)


def cache_folder() -> Path:
    """Return where copies of what stores have are kept, to be fetched once: in XDG_CACHE_HOME, else `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "overthink"


def state_folder() -> Path:
    """Return where unfinished runs keep checkpoints: OVERTHINK_STATE, else `.overthink` in the working directory."""
    return Path(_checked("OVERTHINK_STATE", str(Path(os.environ.get("OVERTHINK_STATE", ".overthink")).absolute())))


def journals_folder() -> Path:
    """Return the folder of journals: what runs have logged and stores do not have yet."""
    return state_folder() / "journals"
