"""One page that a store refuses, or one run that is not like the others, costs no other answer of a command."""

import pytest

from overthink.cli.exit_codes import SOME_FAILED, WRONG_USAGE
from overthink.store import tags
from overthink.store.errors import StoreError
from overthink.store.writer import Writer
from support.command import invoke
from support.hostile import LONG_0, SHORT_0, Damaged


def test_a_stored_definition_that_is_nested_deeply_is_refused(damaged: Damaged) -> None:
    damaged.rewrite(LONG_0, tags.DEFINITION_FILE, "[" * 100_000)
    done = invoke(damaged.folder, "run", f"run:{LONG_0}", "--corruption", "gaussian-noise:1", "--dry-run")
    assert done.returncode == WRONG_USAGE
    assert "it is nested more than 50 deep" in " ".join(done.stderr.split())


def test_a_store_that_refuses_pages_loses_no_answer(damaged: Damaged, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("store ours: PERMISSION_DENIED")

    monkeypatch.setattr(Writer, "artifacts", refuse)
    study = invoke(damaged.folder, "study", "tied")
    assert (study.returncode, "tied" in study.stdout) == (0, True)
    assert f"artifact {tags.STUDY_PAGE} is not stored: store ours: PERMISSION_DENIED" in study.stderr
    report = invoke(damaged.folder, "report", "small")
    assert "opens offline" in report.stderr
    assert f"artifact {tags.REPORT_PAGE} is not stored: store ours" in report.stderr


def test_frequencies_of_a_run_that_was_imported_end_no_others(damaged: Damaged) -> None:
    damaged.tag(SHORT_0, tags.IMPORTED, "elsewhere")
    done = invoke(damaged.folder, "frequency", "small")
    assert done.returncode == SOME_FAILED, done.stderr
    assert "small: short seed 0: it was imported" in " ".join(done.stderr.split())
    assert "small: short seed 1: 98% of" in done.stderr
