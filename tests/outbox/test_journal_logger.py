"""What a run logs is on disk, whatever text it is."""

import os
from pathlib import Path

import pytest

from overthink.outbox.entries import Close, Log
from overthink.outbox.journal_logger import JournalLogger
from overthink.outbox.run_logger import RunStart
from overthink.store import tags
from overthink.store.group_spec import GroupSpec

GROUP = GroupSpec("e", "A note.", {}, "e: base", ("0",), {tags.GROUP_KEY: "g", tags.DEFINITION: "e"}, {})


def test_names_of_files_that_are_not_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"caf\xe9")
    logger = JournalLogger.begin(RunStart(GROUP, "k", "e: k", {}, {}), "sqlite:///store.db", lambda _: None)
    logger.log(params={"file": name}, run_tags={tags.MESSAGE: name})
    logger.text("page.html", f"{name} is here")
    logger.close(tags.FAILED, f"{name}: No such file")
    _, logged, _, closed = (queued.entry for queued in logger.journal.entries())
    assert isinstance(logged, Log)
    assert isinstance(closed, Close)
    assert (logged.params, logged.tags) == ({"file": "caf?"}, {tags.MESSAGE: "caf?"})
    assert closed.message == "caf?: No such file"
    logger.journal.release()
