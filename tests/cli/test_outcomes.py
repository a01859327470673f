"""What a launch came to: sentences, JSON and exit code say the same."""

from pathlib import Path

import pytest

from overthink.cli.exit_codes import FAILURE, OK, SOME_FAILED
from overthink.cli.outcomes import exit_code_of, outcomes_as_plain, show_outcomes
from overthink.cli.output import log
from overthink.launching.outcomes import Outcomes
from overthink.launching.plan import plan
from overthink.launching.planned_run import PlannedRun
from overthink.outbox.sender import PendingUploads
from overthink.store import tags
from support.small import small


@pytest.fixture
def runs(tmp_path: Path) -> list[PlannedRun]:
    return plan(None, [small(tmp_path)], dry=True)


def of(runs: list[PlannedRun], *outcomes: str, message: str = "") -> Outcomes:
    found = Outcomes()
    for run, outcome in zip(runs, outcomes, strict=True):
        found.add(outcome, run, message)
    return found


@pytest.mark.parametrize(
    "outcomes, code",
    [
        ((tags.FINISHED, "done"), OK),
        ((tags.FAILED, tags.FAILED), FAILURE),
        ((tags.FINISHED, tags.FAILED), SOME_FAILED),
        (("busy", "diverged"), FAILURE),
    ],
)
def test_the_exit_code_and_the_document_agree(runs: list[PlannedRun], outcomes: tuple[str, str], code: int) -> None:
    found = of(runs, *outcomes)
    document = outcomes_as_plain(found)
    assert exit_code_of(found) == code
    assert document["complete"] == (code == OK)
    assert sorted(run["outcome"] for run in document["runs"]) == sorted(outcomes)
    for run in document["runs"]:
        assert bool(run["message"]) == (run["outcome"] in ("busy", "diverged"))  # the two have a sentence of their own


def test_a_failure_has_its_message_everywhere(runs: list[PlannedRun], capsys: pytest.CaptureFixture[str]) -> None:
    found = of(runs, "failed", "failed", message="out of memory")
    assert [run["message"] for run in outcomes_as_plain(found)["runs"]] == ["out of memory"] * 2
    show_outcomes(found, log())
    assert f"{runs[1].name}: failed: out of memory" in capsys.readouterr().err


def test_what_is_not_uploaded_or_aggregated_is_incomplete(runs: list[PlannedRun]) -> None:
    found = of(runs, tags.FINISHED, tags.FINISHED)
    found.pending = PendingUploads({runs[0].key: "unreachable"}, 7)
    document = outcomes_as_plain(found)
    assert "7 entries queued: unreachable" in document["not_uploaded"]
    assert (document["complete"], exit_code_of(found)) == (False, SOME_FAILED)
    found.pending, found.unaggregated = None, {"small: all": "full disk"}
    document = outcomes_as_plain(found)
    assert document["not_aggregated"] == {"small: all": "full disk"}
    assert (document["complete"], exit_code_of(found)) == (False, SOME_FAILED)


def test_the_last_line_has_the_estimate(runs: list[PlannedRun], capsys: pytest.CaptureFixture[str]) -> None:
    found = of(runs, tags.FINISHED, tags.FINISHED)
    found.seconds, found.tracking_seconds = 160.2, 1.5
    show_outcomes(found, log())
    found.estimated = 180.4
    show_outcomes(found, log())
    without, known = capsys.readouterr().err.splitlines()
    assert without == "2 finished; 160 s, 1.5 s of it waiting for the store."
    assert known == "2 finished; 160 s (estimated 180 s), 1.5 s of it waiting for the store."
