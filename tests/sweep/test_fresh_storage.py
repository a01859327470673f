"""Several sweeps that begin at once where no trials are stored yet."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from overthink.sweep.storage import opened

AT_ONCE = 4


def test_sweeps_that_begin_at_once_share_a_new_file(tmp_path: Path) -> None:
    """Optuna looks which tables are missing and then makes them: without a lock, some found them made meanwhile."""
    for round in range(5):
        start = Barrier(AT_ONCE)

        def open_storage(number: int, uri: str = f"sqlite:///{tmp_path}/{round}.db", start: Barrier = start) -> int:
            start.wait()
            with opened(uri) as storage:
                return len(storage.get_all_studies())

        with ThreadPoolExecutor(AT_ONCE) as threads:
            assert [*threads.map(open_storage, range(AT_ONCE))] == [0] * AT_ONCE
