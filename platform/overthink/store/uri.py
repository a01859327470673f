"""Where the store is, and where the outbox is. Apart from `client`, which imports mlflow."""

import os
import re
import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

from overthink.sentences import utf_8

DATABASE = "mlflow.db"
_ACCOUNT = r"(\w://[^\s:/@]*):(?!\d+(?:/|\s|$))(\S*)@"
"""User and password of an address in a text; what is a port and a path is none."""
_TOKEN = r"(https?://)([^\s:/?#@]+)@"
"""The user of a server's address without a password: hosted servers take a secret token there."""


ENDS_WITH_THE_COMMAND = "a database in memory is gone when the command ends; name a file, such as sqlite:///mlflow.db"


def tracking_uri() -> str:
    """Return MLFLOW_TRACKING_URI, else the SQLite file in the working directory that a bare `mlflow ui` shows.

    Raises ValueError for a path that is not UTF-8, since databases hold no other text, for an address without host, and
    for a database in memory.
    """
    uri = _checked("store", os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path(DATABASE).absolute()}")
    if uri.lower().startswith(("http://", "https://")) and not _has_host(uri):
        raise ValueError(f"MLFLOW_TRACKING_URI {without_password(uri)}: expected an address such as http://host:5000")
    if is_in_memory(uri):
        raise ValueError(f"MLFLOW_TRACKING_URI {uri}: {ENDS_WITH_THE_COMMAND}")
    return uri


def is_in_memory(uri: str) -> bool:
    """Tell whether a URI names a database that is gone when the command ends."""
    if not uri.startswith("sqlite:"):
        return False
    path, _, query = uri.partition("?")
    return path.rstrip("/") in ("sqlite:", "sqlite:///:memory:") or "mode=memory" in query


def _has_host(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # [ without ], or a port that is no number
        return False


def _checked(what: str, path: str) -> str:
    if path != utf_8(path):
        shown = without_password(path)
        raise ValueError(f"{what} {shown}: not UTF-8 in this locale; use a folder of another name, or set PYTHONUTF8=1")
    return path


def database_file(uri: str) -> Path | None:
    """Return the file of an SQLite store, or None for any other store.

    A path is taken as it is written; percent-encoded only where it leads to a folder then and does not as it is.
    Raises ValueError where something is there that is no file: SQLite would wait for it, and MLflow try it for minutes.
    """
    if not uri.startswith("sqlite:///"):
        return None
    folder, slash, name = uri.removeprefix("sqlite:///").rpartition("/")
    path = Path(folder + slash + name.partition("?")[0])
    decoded = Path(unquote(str(path)))
    file = decoded if decoded.parent.is_dir() and not path.parent.is_dir() else path
    if os.path.lexists(file) and not file.is_file():
        _refuse(file)
    return file


def _refuse(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:  # a link to a file that is yet to be made
        return
    except (OSError, RuntimeError) as error:
        what = "is a link that leads to itself" if path.is_symlink() else f"cannot be read ({error})"
    else:
        what = "is a folder" if stat.S_ISDIR(mode) else "is a device or a pipe"
    raise ValueError(f"{path}: {what}; expected the file of a database")


def engine_uri(uri: str) -> str:
    """Return the URI of a store as SQLAlchemy and MLflow take it; raises ValueError where a path cannot be written.

    SQLAlchemy 2.1 decodes %XX in the path of a database, 2.0 does not, MLflow makes the folder of the undecoded path,
    and ? ends a path. So a file below such a folder is named from the working directory.
    """
    file = database_file(uri)
    if file is None or _plain(str(file)):
        return uri
    nearer = os.path.relpath(file)
    if not _plain(nearer):
        raise ValueError(f"the path {file} has a % or ?; run the command in the folder of {file.name}, or rename it")
    return f"sqlite:///{nearer}"


def _plain(path: str) -> bool:
    return unquote(path) == path and "?" not in path


def local_folder(uri: str) -> Path | None:
    """Return the folder on this machine that an artifact location of MLflow names, or None where it names none."""
    try:
        parts = urlsplit(uri)
    except ValueError:  # [ without ]
        return None
    path = unquote(parts.path if parts.scheme else uri)
    return Path(path) if parts.scheme in ("", "file") and "\0" not in path else None


def location_of(folder: Path) -> str:
    """Return how MLflow writes a folder on this machine: a path, or a URI where MLflow would decode the path."""
    path = str(folder.absolute())
    return path if _plain(path) and "#" not in path else Path(path).as_uri()


def is_server(uri: str) -> bool:
    """Tell whether a store is a server, which keeps artifacts, too; any other keeps those on this machine."""
    return urlsplit(uri).scheme in ("http", "https")


def without_password(text: str) -> str:
    """Return a URI, or a message with URIs in it, as it may be shown: no passwords in addresses and their queries."""
    text = re.sub(_ACCOUNT, r"\1:***@", re.sub(_TOKEN, r"\1***@", text))
    return re.sub(r"(?i)\b(\w*password|passwd|pwd)=[^\s&;'\"]+", r"\1=***", text)


def concealed(text: str, uri: str) -> str:
    """Return a message as it may be shown, also where libraries took a password of this URI apart."""
    text = without_password(text)
    found = re.search(_ACCOUNT, uri) or re.search(_TOKEN, uri)
    written = [found[2], *found[2].split("@")] if found else []
    for piece in sorted({*written, *map(unquote, written)}, key=len, reverse=True):
        text = text.replace(piece, "***") if len(piece) > 1 else text
    return text


def without_account(uri: str) -> str:
    """Return the address of a server as a link: a browser asks for name and password itself."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")


def identity(uri: str) -> str:
    """Return a name of a store that is the same from anywhere on this machine, without user name and password."""
    database = database_file(uri)
    return f"sqlite:///{database.absolute()}" if database is not None else without_account(uri)


def is_store(known: str, uri: str) -> bool:
    """Tell whether an identity is that of a store, also where the folder that has it and the state was moved since."""
    if known == identity(uri):
        return True
    now = database_file(uri)
    try:
        was = database_file(known)
    except ValueError:  # a folder lies there now
        return False
    if was is None or now is None:
        return False
    return was.name == now.name and now.absolute().parent == state_folder().parent and not was.exists()


def state_folder() -> Path:
    """Return where unfinished runs keep checkpoints: OVERTHINK_STATE, else `.overthink` in the working directory."""
    return Path(_checked("OVERTHINK_STATE", str(Path(os.environ.get("OVERTHINK_STATE") or ".overthink").absolute())))


def journals_folder() -> Path:
    """Return the folder of journals: what runs have logged and stores do not have yet."""
    return state_folder() / "journals"
