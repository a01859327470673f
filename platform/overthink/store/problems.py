"""What is wrong with a store, in one sentence without passwords."""

import os
import re
from urllib.parse import urlsplit

import mlflow
import sqlalchemy.exc
from alembic.util.exc import CommandError

from overthink.store.database import newer
from overthink.store.uri import ENDS_WITH_THE_COMMAND, database_file, is_in_memory, without_password

UNREACHABLE = (
    (re.compile(r"Failed to resolve '([^']{1,200})'"), "no host {} is known"),
    (re.compile(r"Failed to establish a new connection: \[Errno -?\d+\] ([\w ]+)"), "it does not answer ({})"),
    (re.compile(r"(?:Connect|Read) ?[Tt]ime(?:d ?)?out"), "it does not answer in time"),
)
"""What requests says of a server, in the middle of much else -> what is wrong."""
LONGEST = 500
"""Characters of what a store's libraries say."""


def problem_of_uri(uri: str) -> str | None:
    """Return what is wrong with a store before it is opened, if anything."""
    if is_in_memory(uri):
        return ENDS_WITH_THE_COMMAND
    scheme, file = urlsplit(uri).scheme, database_file(uri)
    if scheme in ("", "file"):
        return "MLflow no longer keeps runs in folders; use sqlite:///FILE, a database or a server"
    if file is None:
        return None
    if not file.parent.is_dir():
        return f"the folder {file.parent} does not exist"
    target = file if file.exists() else file.parent
    if not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        return f"{target} is not writable"
    return None


def reason(error: Exception) -> str:
    """Return what an error of MLflow, SQLAlchemy or requests says, and what to do."""
    text = str(error).strip() or type(error).__name__
    if isinstance(error, CommandError) and "Can't locate revision" in text:
        return f"written by a newer MLflow ({text}); update mlflow"
    if found := re.search(r"database schema \(found version (\w+)", text):
        return _schema_problem(found[1])
    for pattern, meaning in UNREACHABLE:
        if found := pattern.search(text):
            return meaning.format(*found.groups())
    for cause in (error, error.__cause__):  # MLflow hands on the text of SQLAlchemy, statement and all
        if isinstance(cause, sqlalchemy.exc.SQLAlchemyError) and getattr(cause, "orig", None) is not None:
            text = str(cause.orig).strip() or text  # type: ignore[attr-defined]
    return without_password(text.splitlines()[0])[:LONGEST]


def _schema_problem(version: str) -> str:
    """Return what to do about a database with another schema than this MLflow's: it can upgrade older ones only."""
    if newer(version):
        return f"it was written by a newer MLflow (schema {version}) than {mlflow.__version__}; update mlflow"
    return f"it was written by an older MLflow (schema {version}); back it up, then run: mlflow db upgrade URI"
