from dataclasses import replace

import pytest

from overthink.comparison.overthinking import MISSING, Gap, Row, overthinking_rows
from overthink.store import tags
from overthink.store.stored import PaperNumber, StoredRun
from support.stored_runs import parent, stored


def rows_of(*runs: StoredRun, by: str = "variant") -> list[Row]:
    return overthinking_rows(runs, by)


def test_one_group_by_hand() -> None:
    (row,) = rows_of(parent("0 1", reported=0.1793), stored("0", last=0.6), stored("1", last=0.7))
    assert (row.dataset, row.group) == ("max-min-mnist", "quickstart: short")
    last = row.estimates["test/accuracy/last"]
    assert last.n == 2
    assert last.mean == pytest.approx(0.65)
    assert last.std == pytest.approx(0.1 / 2**0.5)
    assert row.reported == {"test/overthinking/any_later": PaperNumber(0.1793, "Table 3.1", False)}
    assert row.finished == ("0", "1")
    assert row.gaps == ()


def test_missing_and_failed_seeds_are_shown_not_dropped() -> None:
    (row,) = rows_of(parent("0:4"), stored("0"), stored("2", tags.DIVERGED), stored("3", tags.RUNNING))
    assert {(gap.seed, gap.outcome) for gap in row.gaps} == {("1", MISSING), ("2", tags.DIVERGED), ("3", tags.RUNNING)}
    assert row.estimates["test/accuracy/last"].n == 1


def test_the_newest_finished_run_of_a_key_counts() -> None:
    old, new = stored("0", last=0.1, started_ms=1), stored("0", last=0.9, started_ms=2)
    failed_later = stored("0", tags.FAILED, started_ms=3)
    (row,) = rows_of(old, new, failed_later)
    assert row.estimates["test/accuracy/last"] == (1, 0.9, None, None, None, None)
    assert row.gaps == ()


def test_groups_can_be_pooled_by_regime() -> None:
    runs = [stored("0", group="a"), stored("0", group="b"), stored("0", group="c", regime="8 joint")]
    assert [(row.group, len(row.finished)) for row in rows_of(*runs, by="regime")] == [
        ("4 joint", 2),
        ("8 joint", 1),
    ]


def test_the_same_seed_failing_in_two_pooled_groups_counts_twice() -> None:
    (row,) = rows_of(
        *(stored("0", tags.FAILED, group=group, variant=group) for group in ("a", "b")),
        *(parent("0 1", group=group, variant=group) for group in ("a", "b")),
        by="regime",
    )
    assert sorted(row.gaps) == [
        Gap("quickstart: a", "0", tags.FAILED),
        Gap("quickstart: a", "1", MISSING),
        Gap("quickstart: b", "0", tags.FAILED),
        Gap("quickstart: b", "1", MISSING),
    ]


def test_regimes_that_read_alike_and_differ_are_not_pooled() -> None:
    """Short words hide a learning rate; the key of the part does not."""
    one, other, same = (stored("0", group=group) for group in "abc")
    keys = ((one, "aaaaaaaa"), (other, "bbbbbbbb"), (same, "aaaaaaaa"))
    runs = [replace(run, regime=replace(run.regime, key=key)) for run, key in keys]
    rows = rows_of(*runs, by="regime")
    assert [(row.group, len(row.finished)) for row in rows] == [("4 joint #aaaaaa", 2), ("4 joint #bbbbbb", 1)]


def test_no_runs_give_no_rows() -> None:
    assert rows_of() == []


def test_a_tag_that_somebody_else_wrote_is_no_paper_number() -> None:
    odd = parent("0", more={tags.REPORTED: '[{"metric": 1}]'})
    assert rows_of(odd, stored("0"))[0].reported == {}
