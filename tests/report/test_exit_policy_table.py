"""The tables of exit policies, of numbers that are made up."""

import csv

from overthink.exit_policies.kept_promises import Kept
from overthink.exit_policies.side_by_side import Against, AtBudget, Row, SideBySide
from overthink.report.exit_policy_table import _cell, as_csv, as_plain, promise_as_plain, promises_grid
from overthink.statistics.jackknife import Interval


def test_a_promise_that_is_broken_once_is_not_shown_as_kept() -> None:
    """Once in 240 splits: 0.4%, and not 0."""
    none = Interval(0.0, None, None)
    kept = Kept("ltt", "Learn-then-Test", "accuracy", 0.01, 0.95, 0.9, none, none, 1 / 240, 0.0, 0.001)
    (row,) = promises_grid([kept]).rows
    assert [*row[5:7]] == ["0.4", "0.0"]


def test_files_have_intervals_of_what_can_be() -> None:
    """Shares are 0 to 1, what is saved is at most 1, and differences of rates are -1 to 1."""
    wide = Interval(0.5, -2.0, 2.0)
    row = Row("a", "A", "", False, (AtBudget(0.5, wide, 0.5, wide, wide, None),), wide, (), wide, wide, wide)
    found = SideBySide((row._replace(against=Against(wide, None)),), (), wide, 2, 10, 10, "a", "MUL-ADDs")
    plain = as_plain(found)["rows"][0]
    rate, difference = {"value": 0.5, "low": 0.0, "high": 1.0}, {"value": 0.5, "low": -1.0, "high": 1.0}
    assert plain["at"][0]["accuracy"] == plain["area"] == plain["anytime"] == as_plain(found)["last"] == rate
    assert plain["saved_change"] == plain["against"]["difference"] == difference
    assert plain["saved"] == {"value": 0.5, "low": -2.0, "high": 1.0}
    (line,) = csv.DictReader(as_csv([("g", found)]).splitlines())
    assert (line["accuracy_high"], line["saved_high"], line["saved_change_low"]) == ("1.0", "1.0", "-1.0")
    kept = Kept("ltt", "Learn-then-Test", "accuracy", 0.01, 0.95, 0.9, wide, wide, 0.0, 0.0, 0.0)
    assert promise_as_plain(kept)["risk"] == difference


def test_a_name_in_a_file_is_no_formula_to_a_spreadsheet() -> None:
    """Neither that of a group nor that of a policy network."""
    one = Interval(0.5, None, None)
    row = Row("+cmd", "A", "", False, (AtBudget(0.5, one, 0.5, one, one, None),), one, (), one, one, one)
    found = SideBySide((row,), (), one, 2, 10, 10, "a", "MUL-ADDs")
    (line,) = csv.DictReader(as_csv([("=cmd\x1b[31m", found)]).splitlines())
    assert (line["group"], line["policy"]) == ("'=cmd?[31m", "'+cmd")


def test_a_cell_shows_the_farther_end_of_an_interval() -> None:
    """Of a share that was never seen the interval has one side: half of it is no bound."""
    assert _cell(Interval(0.0, 0.0, 0.036)) == "0.0±3.6"
    assert _cell(Interval(1.0, 0.964, 1.0)) == "100.0±3.6"
    assert _cell(Interval(0.64, 0.613, 0.667)) == "64.0±2.7"
