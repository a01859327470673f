"""Several sweeps that begin at once where no trials are stored yet."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from overthink.sweep.storage import opened
from support.postgres import Postgres

AT_ONCE = 4


def studies_seen_at_once(uri: str) -> list[int]:
    """Return how many studies each of several sweeps finds that open a storage at the same moment."""
    start = Barrier(AT_ONCE)

    def open_storage(number: int) -> int:
        start.wait()
        with opened(uri) as storage:
            return len(storage.get_all_studies())

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return [*threads.map(open_storage, range(AT_ONCE))]


def test_sweeps_that_begin_at_once_share_a_new_file(tmp_path: Path) -> None:
    """Optuna looks which tables are missing and then makes them: without a lock, some found them made meanwhile."""
    for number in range(5):
        assert studies_seen_at_once(f"sqlite:///{tmp_path}/{number}.db") == [0] * AT_ONCE


@pytest.mark.server
def test_sweeps_that_begin_at_once_share_an_empty_database_on_a_server(postgres: Postgres) -> None:
    for number in range(5):
        assert studies_seen_at_once(postgres.database(f"trials{number}")) == [0] * AT_ONCE
