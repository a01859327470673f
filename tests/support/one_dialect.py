"""One dialect for all SQLite stores of a test process.

SQLAlchemy compiles a statement once for each dialect, an engine has a dialect of its own, and each test has a store of
its own: a launch compiled its thirty statements anew, a tenth of its processor time.
"""

from typing import Any

import sqlalchemy

_create = sqlalchemy.create_engine
_first: dict[str, sqlalchemy.Engine] = {}


def share_compiled_statements() -> None:
    """Let the engines that MLflow makes from now on share a dialect, and the statements that it has compiled."""
    sqlalchemy.create_engine = _sharing


def _sharing(*arguments: Any, **options: Any) -> sqlalchemy.Engine:
    engine = _create(*arguments, **options)
    if engine.dialect.name == "sqlite":
        first = _first.setdefault("sqlite", engine)
        engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
    return engine
