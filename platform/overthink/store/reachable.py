"""Whether a database server answers, found out within seconds: MLflow alone tries for a minute, without a word."""

import logging
import os
import threading
from collections.abc import Callable

import sqlalchemy
import sqlalchemy.exc

from overthink.store.uri import concealed, without_password

SILENT_SECONDS = 3.0
LONGEST_SECONDS = 10.0
CONNECT_SECONDS = "8"

logger = logging.getLogger(__name__)
os.environ.setdefault("PGCONNECT_TIMEOUT", CONNECT_SECONDS)  # for connections that are made later


class UnreachableError(RuntimeError):
    """A database does not answer; the message says why, without a password."""


def check_reachable(uri: str) -> None:
    """Connect to a database once; raises UnreachableError after LONGEST_SECONDS at the latest."""
    raised: list[Exception] = []

    def connect() -> None:
        try:
            engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
            engine.connect().close()
        except Exception as error:  # noqa: BLE001 - the waiting thread raises it
            raised.append(error)

    if not _ends(connect, without_password(uri)):
        raise UnreachableError(f"no answer within {LONGEST_SECONDS:.0f} s")
    for error in raised:
        text = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        raise UnreachableError(concealed(text.splitlines()[0], uri)[:300]) from None


def _ends(connect: Callable[[], None], shown: str) -> bool:
    """Run a function for so long at most, and say after some seconds what is being waited for."""
    beside = threading.Thread(target=connect, daemon=True)
    beside.start()
    beside.join(SILENT_SECONDS)
    if beside.is_alive():
        logger.warning("connecting to %s ...", shown)
        beside.join(LONGEST_SECONDS - SILENT_SECONDS)
    return not beside.is_alive()
