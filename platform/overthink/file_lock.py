"""One process at a time, where locks work."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


@contextmanager
def file_lock(path: Path) -> Iterator[bool]:
    """Wait for other processes that hold a lock; yield whether there is one.

    There is none in a folder of another user, or on a file system without locks: then nobody waits.
    """
    from filelock import FileLock

    with ExitStack() as stack:
        is_locked = False
        with suppress(OSError, NotImplementedError):
            stack.enter_context(FileLock(path))
            is_locked = True
        yield is_locked
