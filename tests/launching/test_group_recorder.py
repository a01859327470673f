"""A group is aggregated over its runs while another process ends one of them."""

from types import SimpleNamespace
from typing import Any

import pytest

from overthink.launching.recording import group_recorder as module
from overthink.launching.recording.group_recorder import close_group
from overthink.seeds import joined
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.reader import run_of
from overthink.store.writer import Writer


def test_a_run_that_another_process_ends_meanwhile_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """That process aggregates the group, too, and is done first."""
    writer, experiment = Writer(store), store.experiment("e", "A note.")

    def made(kind: str, seeds: str) -> str:
        own = {tags.KIND: kind, tags.GROUP_KEY: "g", tags.RUN_KEY: f"{kind} {seeds}", tags.SEEDS: seeds}
        return writer.create(experiment, "e: base", own, {})

    def finish(run_id: str, accuracy: float) -> None:
        writer.log(run_id, {"test/accuracy/last": accuracy})
        writer.close(run_id, tags.FINISHED)

    group_id, first, second = made(tags.KIND_GROUP, joined("01")), made(tags.KIND_RUN, "0"), made(tags.KIND_RUN, "1")
    finish(first, 0.5)

    def read(*_: Any) -> SimpleNamespace:
        if run_of(store, second).outcome == tags.RUNNING:
            finish(second, 0.7)
            close_group(store, writer, group_id, None)
        return SimpleNamespace(values=[(None,)], problems=[])

    monkeypatch.setattr(module, "group_predictions", read)
    monkeypatch.setattr(module, "group_page", lambda *_: "a page")
    monkeypatch.setattr(module, "group_note", lambda *_, **__: "a note")
    close_group(store, writer, group_id, None)
    group = run_of(store, group_id)
    assert (group.outcome, group.metrics["seeds/n"], group.metrics["test/accuracy/last"]) == (tags.FINISHED, 2, 0.6)
