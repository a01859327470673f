"""How often passwords may be guessed at a group's server: counted in one file for all of its processes."""

import hmac
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

SECONDS = 60.0
WRONG_FOR_A_NAME, WRONG_FROM_AN_ADDRESS = 10, 60
"""How many wrong passwords one address may send within SECONDS."""

_TABLES = """
CREATE TABLE IF NOT EXISTS wrong (time REAL NOT NULL, address TEXT NOT NULL, name TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS wrong_by_address ON wrong (address, time);
CREATE TABLE IF NOT EXISTS logged_in (digest BLOB PRIMARY KEY);
"""
_COUNT = "SELECT count(*), coalesce(sum(name = ?), 0) FROM wrong WHERE address = ? AND time BETWEEN ? AND ?"


class LogIns:
    """Counts wrong passwords. Whoever has sent the right one, to any process of the server, is not limited.

    The file holds no password: of right ones a digest, made with a key that is not in it.
    """

    def __init__(self, file: Path, key: bytes) -> None:
        self._file, self._key = file, key
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600))
        with closing(self._database()) as database:
            database.executescript(_TABLES)

    def are_too_many(self, address: str, name: str, password: str) -> bool:
        """Tell whether a password is refused unchecked."""
        with closing(self._database()) as database:
            now = time.monotonic()  # one clock for all processes, which nobody sets; it begins anew with the machine
            of_address, of_name = database.execute(_COUNT, (name, address, now - SECONDS, now)).fetchone()
            if of_address < WRONG_FROM_AN_ADDRESS and of_name < WRONG_FOR_A_NAME:
                return False
            known = database.execute("SELECT 1 FROM logged_in WHERE digest = ?", (self._digest(name, password),))
            return known.fetchone() is None

    def was(self, right: bool, address: str, name: str, password: str) -> None:
        """Count a password that was checked."""
        digest = (self._digest(name, password),)
        with closing(self._database()) as database:
            if right:  # as nearly always: to look first leaves requests that only read
                if not database.execute("SELECT 1 FROM logged_in WHERE digest = ?", digest).fetchone():
                    database.execute("INSERT OR IGNORE INTO logged_in VALUES (?)", digest)
                return
            now = time.monotonic()
            database.execute("DELETE FROM logged_in WHERE digest = ?", digest)
            database.execute("DELETE FROM wrong WHERE time NOT BETWEEN ? AND ?", (now - SECONDS, now))
            database.execute("INSERT INTO wrong VALUES (?, ?, ?)", (now, address, name))

    def _digest(self, name: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{name}\0{password}".encode(), "sha256")

    def _database(self) -> sqlite3.Connection:
        """Connect for one request: its thread is any. What is lost with the machine is a minute's counts."""
        database = sqlite3.connect(self._file, timeout=10, isolation_level=None)  # each statement by itself
        database.execute("PRAGMA synchronous = OFF")
        return database
