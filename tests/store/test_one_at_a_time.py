"""What processes share in a store is made once and loses nothing, whichever request a busy server takes first."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from overthink.store import one_at_a_time as module
from overthink.store import tags
from overthink.store.claims import PREFIX, Claims
from overthink.store.client import Store
from overthink.store.errors import StoreError
from overthink.store.finding import find_runs
from overthink.store.group import GroupRef, ensure_group
from overthink.store.group_spec import GroupSpec
from overthink.store.one_at_a_time import one_at_a_time
from overthink.store.reader import run_of
from overthink.store.writer import Writer
from support.late_writer import LateWriter


def group(*seeds: str) -> GroupSpec:
    return GroupSpec("e", "A note.", {}, "v", seeds, {tags.GROUP_KEY: "k", tags.DEFINITION: "e"}, {"lr": "0.1"})


def test_the_older_group_is_stored_late(store: Store) -> None:
    """Found by a load test: the newer one was the only one as its process looked, and both stayed."""
    store.experiment("e", "A note.")
    with ThreadPoolExecutor() as threads:
        older = threads.submit(ensure_group, store, LateWriter(store), group("0"), work=True)
        time.sleep(0.2)
        newer = ensure_group(store, Writer(store), group("0"), work=True)
        assert newer.group_id == older.result().group_id
    assert [run.run_id for run in find_runs(store, kind=tags.KIND_GROUP)] == [newer.group_id]
    assert store.experiment_tags(PREFIX) == []


@pytest.mark.parametrize("there", [False, True], ids=["a new group", "one that is there"])
def test_processes_that_ask_for_seeds_of_one_group_at_once_get_all(store: Store, there: bool) -> None:
    """The group's tag of seeds is read and written: who wrote last had its own seeds alone in it."""
    store.experiment("e", "A note.")
    if there:
        ensure_group(store, Writer(store), group("0"), work=True)
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(ensure_group, store, LateWriter(store), group("1"), work=True)
        time.sleep(0.1)
        quick = ensure_group(store, Writer(store), group("2"), work=True)
        slow.result()
    expected = ["0", "1", "2"] if there else ["1", "2"]
    assert sorted(seeds.label for seeds in run_of(store, quick.group_id).seeds) == expected


def test_a_group_whose_process_was_killed_before_its_parameters_gets_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise StoreError("refused")

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "log", refused)
        with pytest.raises(StoreError):
            ensure_group(store, Writer(store), group("0"), work=True)
    found = ensure_group(store, Writer(store), group("0"), work=True)
    assert dict(run_of(store, found.group_id).params) == {"lr": "0.1"}


def test_a_request_that_was_repeated_and_is_stored_late_does_not_take_the_groups_place(store: Store) -> None:
    first = ensure_group(store, Writer(store), group("0"), work=True)
    for _ in range(8):  # half of them have a lower id
        _store_again(store, first)
    assert ensure_group(store, Writer(store), group("0"), work=True).group_id == first.group_id
    assert [run.run_id for run in find_runs(store, kind=tags.KIND_GROUP)] == [first.group_id]


def _store_again(store: Store, group: GroupRef) -> None:
    run = store.client.get_run(group.group_id)
    store.client.create_run(group.experiment_id, start_time=run.info.start_time, tags=run.data.tags)


def test_a_process_that_is_stuck_is_not_waited_for_without_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment_id = store.experiment("e", "A note.")
    Claims(store).claim(experiment_id, ["a"])
    monkeypatch.setattr(module, "LONGEST_WAIT_SECONDS", 0.3)
    with one_at_a_time(store, experiment_id, "a"):
        pass


def test_a_store_that_goes_away_in_between_keeps_nobody_waiting_once_it_is_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment_id = store.experiment("e", "A note.")

    def gone(*_: object) -> None:
        raise MlflowException("gone")

    with monkeypatch.context() as patch, one_at_a_time(store, experiment_id, "a"):
        patch.setattr(MlflowClient, "delete_experiment_tag", gone)
    assert len(store.experiment_tags(PREFIX)) == 1
    started = time.monotonic()
    with one_at_a_time(store, experiment_id, "a"):
        assert time.monotonic() - started < 10
    assert store.experiment_tags(PREFIX) == []
