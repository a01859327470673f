"""Links of policy networks to the network that they are of, from two machines at once."""

import time
from pathlib import Path
from typing import Any

import pytest
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from overthink.outbox.handles import link_to, pages_of, without_handles
from overthink.outbox.run_logger import RunStart
from overthink.outbox.sender import OutboxSender
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.group_spec import GroupSpec
from overthink.store.reader import run_of
from overthink.store.writer import Writer

OTHER = "b" * 32
GROUP = GroupSpec("e", "A note.", {}, "e: base", ("0",), {tags.GROUP_KEY: "g", tags.DEFINITION: "e"}, {})


def start_of(key: str) -> RunStart:
    return RunStart(GROUP, key, f"e: {key}", {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: key}, {})


class SlowLinks(Writer):
    """A link is written half a second after the others were read."""

    def log(self, run_id: str, *given: Any, **values: Any) -> None:
        if tags.POLICY_RUNS in (values.get("run_tags") or {}):
            time.sleep(0.5)
        super().log(run_id, *given, **values)


def test_links_that_two_machines_make_at_once_are_both_there(store: Store) -> None:
    ours, theirs = OutboxSender(store, SlowLinks(store), print), OutboxSender(store, Writer(store), print)
    main, policy = (ours.begin(start_of(key)) for key in ("main", "policy"))
    assert ours.wait(30) is None
    assert main.run_id is not None
    other = theirs.begin(start_of("other"))
    policy.link(main.run_id, tags.POLICY_RUNS, "This note.")
    time.sleep(0.2)  # the first one is between reading and writing
    other.link(main.run_id, tags.POLICY_RUNS, "Its note.")
    for sender in (theirs, ours):
        assert sender.wait(30) is None
        sender.stop()
    linked = run_of(store, main.run_id)
    assert {*linked.policy_run_ids} == {policy.run_id, other.run_id}
    assert sorted(linked.note.split("\n\n"))[-2:] == ["Its note.", "This note."]


@pytest.mark.parametrize("purged", [False, True])
@pytest.mark.parametrize("same_process", [False, True])
def test_a_run_that_somebody_deletes_blocks_none_that_links_to_it(
    store: Store, purged: bool, same_process: bool
) -> None:
    sender = OutboxSender(store, Writer(store), print)
    main = sender.begin(start_of("main"))
    main.close(tags.FINISHED)
    assert sender.wait(30) is None
    assert main.run_id is not None
    store.client.delete_run(main.run_id)
    if purged:
        SqlAlchemyStore(store.uri, str(Path.cwd()))._hard_delete_run(main.run_id)
    if not same_process:
        sender.stop()
        sender = OutboxSender(store, Writer(store), print)
    handle = main.run_id if purged else main.handle
    policy = sender.begin(start_of("policy"))
    policy.log(run_tags={tags.MLFLOW_NOTE: f"It chooses exits of {link_to(handle)}. {pages_of(handle)}"})
    policy.link(handle, tags.POLICY_RUNS, "This note.")
    policy.close(tags.FINISHED)
    assert sender.wait(30) is None
    sender.stop()
    assert policy.run_id is not None
    short = f"run {main.run_id[:8]}"
    assert run_of(store, policy.run_id).note == f"It chooses exits of {short}. {short}"


def test_a_text_that_reads_like_a_placeholder_is_a_text() -> None:
    written = f"see [[1]] and [{link_to(OTHER)}"
    assert without_handles(written) == f"see [[1]] and [[ [link {OTHER}]]"
    assert without_handles(without_handles(written)) == without_handles(written)
