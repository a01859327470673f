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
CREATE TABLE IF NOT EXISTS counted (time REAL NOT NULL, address TEXT NOT NULL, name TEXT NOT NULL, digest BLOB);
CREATE INDEX IF NOT EXISTS counted_by_address ON counted (address, time);
CREATE INDEX IF NOT EXISTS counted_by_digest ON counted (digest);
CREATE TABLE IF NOT EXISTS logged_in (digest BLOB PRIMARY KEY);
"""
_COUNT = "SELECT count(*), coalesce(sum(name = ?), 0) FROM counted WHERE address = ? AND time BETWEEN ? AND ?"


class LogIns:
    """Counts wrong passwords. Whoever has sent the right one, to any process of the server, is not limited.

    A password counts as wrong from the moment it is admitted, so that many sent at once are as many. The file holds no
    password but a digest, made with a key that is not in it.
    """

    def __init__(self, file: Path, key: bytes) -> None:
        self._file, self._key = file, key
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600))
        with closing(self._database()) as database:
            database.executescript(_TABLES)

    def admits(self, address: str, name: str, password: str) -> bool:
        """Tell whether a password is checked, and count it as wrong until `was_right`."""
        digest = self._digest(name, password)
        with closing(self._database()) as database:
            if database.execute("SELECT 1 FROM logged_in WHERE digest = ?", (digest,)).fetchone():
                return True  # as nearly always: requests that only read
            database.execute("BEGIN IMMEDIATE")  # no other one between the count and what is counted
            now = time.monotonic()  # one clock for all processes, which nobody sets; it begins anew with the machine
            of_address, of_name = database.execute(_COUNT, (name, address, now - SECONDS, now)).fetchone()
            if admitted := of_address < WRONG_FROM_AN_ADDRESS and of_name < WRONG_FOR_A_NAME:
                database.execute("DELETE FROM counted WHERE time NOT BETWEEN ? AND ?", (now - SECONDS, now))
                database.execute("INSERT INTO counted VALUES (?, ?, ?, ?)", (now, address, name, digest))
            database.execute("COMMIT")
            return bool(admitted)

    def was_right(self, name: str, password: str) -> None:
        """Limit an account's right password no more."""
        digest = (self._digest(name, password),)
        with closing(self._database()) as database:
            if not database.execute("SELECT 1 FROM logged_in WHERE digest = ?", digest).fetchone():
                database.execute("INSERT OR IGNORE INTO logged_in VALUES (?)", digest)
                database.execute("DELETE FROM counted WHERE digest = ?", digest)

    def was_wrong(self, name: str, password: str) -> None:
        """Limit a password again that has been an account's."""
        with closing(self._database()) as database:
            database.execute("DELETE FROM logged_in WHERE digest = ?", (self._digest(name, password),))

    def _digest(self, name: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{name}\0{password}".encode(), "sha256")

    def _database(self) -> sqlite3.Connection:
        """Connect for one request: its thread is any. What is lost with the machine is a minute's counts."""
        database = sqlite3.connect(self._file, timeout=10, isolation_level=None)  # each statement by itself
        database.execute("PRAGMA synchronous = OFF")
        return database
