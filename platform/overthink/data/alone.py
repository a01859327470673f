"""One process at a time, where locks work: of those that fetch or decode the same data."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


@contextmanager
def alone(lock: Path) -> Iterator[bool]:
    """Wait for other processes that hold a lock; yield whether there is one.

    There is none in a folder of another user, or on a file system without locks: then nobody waits.
    """
    from filelock import FileLock

    with ExitStack() as stack:
        is_locked = False
        with suppress(OSError, NotImplementedError):
            lock.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(lock))
            is_locked = True
        yield is_locked
