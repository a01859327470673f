"""Which process of this machine works on a run or a sweep: locks in the state folder."""

from filelock import FileLock, Timeout

from overthink.store.uri import state_folder


def locked(name: str) -> FileLock | None:
    """Return a lock on a run, or a sweep, of this state folder; None where another process has it.

    Any thread may release it.
    """
    folder = state_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock
