"""The folder of a journal: what lies in it, whether it is one, its lock; and moving it away where it is damaged."""

import os
import time
from pathlib import Path

from filelock import FileLock

from overthink.outbox import jsonl_journal

DATABASE, FILES = "journal.db", "files"
RUN = "run"
"""In a journal's folder: holds the folder of the run, once that has ended, under the run's key."""
HALF_MADE_SECONDS = 600.0
"""A folder without a journal, and as old, was left by a process that ended before the journal was made."""


def is_journal(folder: Path) -> bool:
    """Tell whether a folder has a journal that this process may write."""
    return any(os.access(folder / name, os.W_OK) for name in (DATABASE, jsonl_journal.ENTRIES))


def is_half_made(folder: Path) -> bool:
    """Tell whether a folder without a database is no new one: half removed, as files come later, or old."""
    if any((folder / name).exists() for name in (FILES, RUN)):
        return True
    try:
        return folder.is_dir() and time.time() - folder.stat().st_mtime > HALF_MADE_SECONDS
    except OSError:
        return False


def set_aside(folder: Path) -> Path:
    """Move a damaged journal out of the way, and return where to; its run can be resumed from its folder again.

    Raises OSError where it cannot be moved.
    """
    state = folder.parent.parent
    for kept in (folder / RUN).iterdir() if (folder / RUN).is_dir() else ():
        home = state / "runs" / kept.name
        if not home.exists():  # else it is trained again already
            home.parent.mkdir(exist_ok=True)
            kept.rename(home)
    aside = state / "damaged" / folder.name
    aside.parent.mkdir(exist_ok=True)
    return folder.rename(aside)


def lock_of(folder: Path) -> FileLock:
    """Return the lock of the one process that uses the journal, not acquired yet."""
    return FileLock(folder / "lock", timeout=0, thread_local=False)  # one thread writes, another uploads
