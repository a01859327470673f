"""What two processes make at one moment is made once, also where a busy server stores the older one late."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from overthink.store import made_once as module
from overthink.store import tags
from overthink.store.claims import PREFIX, Claims
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.group import ensure_group
from overthink.store.group_spec import GroupSpec
from overthink.store.made_once import made_once
from overthink.store.reader import find_runs
from overthink.store.writer import Writer
from support.late_writer import LateWriter

GROUP = GroupSpec("e", "A note.", {}, "v", ("0",), {tags.GROUP_KEY: "k", tags.DEFINITION: "e"}, {})


def test_the_older_group_is_stored_late(store: Store) -> None:
    """Found by a load test: the newer one was the only one as its process looked, and both stayed."""
    store.experiment("e", "A note.")
    with ThreadPoolExecutor() as threads:
        older = threads.submit(ensure_group, store, LateWriter(store), GROUP, work=True)
        time.sleep(0.2)
        newer = ensure_group(store, Writer(store), GROUP, work=True)
        assert newer.group_id == older.result().group_id
    assert [run.run_id for run in find_runs(store, kind=tags.KIND_GROUP)] == [newer.group_id]
    assert store.experiment_tags(PREFIX) == []


def test_it_is_made_all_the_same_where_the_other_process_is_stuck(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment_id = store.experiment("e", "A note.")
    Claims(store).claim(experiment_id, ["a"])
    monkeypatch.setattr(module, "LONGEST_WAIT_SECONDS", 0.5)
    assert made_once(store, experiment_id, "a", lambda: None, lambda: "made") == "made"


def test_where_it_fails_others_make_it(store: Store) -> None:
    experiment_id = store.experiment("e", "A note.")
    with pytest.raises(StoreError, match="refused"):
        made_once(store, experiment_id, "a", lambda: None, raises(StoreError("refused")))
    assert made_once(store, experiment_id, "a", lambda: None, lambda: "made") == "made"
    assert made_once(store, experiment_id, "a", lambda: "found", raises(AssertionError())) == "found"


def raises(error: Exception) -> Callable[[], str]:
    def make() -> str:
        raise error

    return make
