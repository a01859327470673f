"""An SQLite file that somebody has edited, for a while."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import connect


@contextmanager
def changed(database: Path, statements: str) -> Iterator[None]:
    """Change a database by statements of SQL for a block, and put it back."""
    before = database.read_bytes()
    try:
        with closing(connect(database)) as opened:
            opened.executescript(statements)
            opened.commit()
        assert database.read_bytes() != before
        yield
    finally:
        database.write_bytes(before)
