"""Whether a database server answers, found out within seconds: MLflow alone tries for a minute, without a word."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy
import sqlalchemy.exc

from overthink.store.uri import concealed

SILENT_SECONDS = 3.0
LONGEST_SECONDS = 10.0
CONNECT_SECONDS = "8"

logger = logging.getLogger(__name__)
os.environ.setdefault("PGCONNECT_TIMEOUT", CONNECT_SECONDS)  # for connections that are made later


@contextmanager
def said_if_slow(what: str) -> Iterator[None]:
    """Say what is being waited for, if a block takes longer than SILENT_SECONDS."""
    timer = threading.Timer(SILENT_SECONDS, logger.warning, ("%s ...", what))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


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

    beside = threading.Thread(target=connect, daemon=True)
    beside.start()
    beside.join(LONGEST_SECONDS)
    if beside.is_alive():
        raise UnreachableError(f"no answer within {LONGEST_SECONDS:.0f} s")
    for error in raised:
        text = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        raise UnreachableError(concealed(text.splitlines()[0], uri)[:300]) from None
