"""Heartbeats of what a process trains: the trouble with one run keeps none of the others from being renewed."""

import threading
from typing import Any

from overthink.outbox.run_logger import RunStart
from overthink.outbox.sender import OutboxSender
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.finding import find_runs
from overthink.store.group_spec import GroupSpec
from overthink.store.liveness import HEARTBEAT_SECONDS
from overthink.store.reader import run_of
from overthink.store.writer import Writer


def group(name: str) -> GroupSpec:
    return GroupSpec("e", "A note.", {}, f"e: {name}", ("0",), {tags.GROUP_KEY: name, tags.DEFINITION: "e"}, {})


def test_a_run_and_a_group_in_the_trash_stop_no_other_heartbeat(store: Store) -> None:
    """Somebody deletes in MLflow what is being trained: after 15 minutes all else would count as abandoned."""
    sender = OutboxSender(store, Writer(store), print)
    loggers = [
        sender.begin(RunStart(group(key), key, f"e: {key} seed 0", {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: key}, {}))
        for key in "abc"
    ]
    assert sender.wait(30) is None
    sender.stop()
    run_ids = [logger.run_id for logger in loggers]
    group_ids = [found.run_id for key in "abc" for found in find_runs(store, group_key=key, kind=tags.KIND_GROUP)]
    everything = [*filter(None, run_ids), *group_ids]
    for run_id in everything:
        store.client.set_tag(run_id, tags.HEARTBEAT, "1")
    for run_id in (everything[0], everything[3]):
        store.client.delete_run(run_id)
    sender._last_heartbeat -= HEARTBEAT_SECONDS
    sender._heartbeat()
    renewed = [run_of(store, run_id).process.heartbeat != 1 for run_id in everything]
    assert renewed == [False, True, True, False, True, True]


def test_what_the_caller_keeps_alive_has_a_heartbeat_too(store: Store) -> None:
    """An import that takes long keeps its claims."""
    beats: list[int] = []
    sender = OutboxSender(store, Writer(store), print, lambda: beats.append(1))
    sender._heartbeat()
    sender._last_heartbeat -= HEARTBEAT_SECONDS
    sender._heartbeat()
    assert beats == [1]


def test_what_follows_the_end_of_uploading_waits_for_it(store: Store) -> None:
    """In a notebook the thread goes on after a launch: a run that is not locked by then would be trained again."""
    entered, goes_on, ended = threading.Event(), threading.Event(), threading.Event()

    class Hanging(Writer):
        def create(self, *given: Any, **named: Any) -> str:
            entered.set()
            goes_on.wait(30)
            return super().create(*given, **named)

    sender = OutboxSender(store, Hanging(store), print)
    sender.begin(RunStart(group("a"), "a", "e: a", {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: "a"}, {}))
    assert entered.wait(30)
    sender.stop(ended.set)
    assert not ended.is_set()
    goes_on.set()
    assert ended.wait(30)
