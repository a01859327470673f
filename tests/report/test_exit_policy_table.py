"""The tables of exit policies, of numbers that are made up."""

from overthink.exit_policies.kept_promises import Kept
from overthink.report.exit_policy_table import promises_grid
from overthink.statistics.jackknife import Interval


def test_a_promise_that_is_broken_once_is_not_shown_as_kept() -> None:
    """Once in 240 splits: 0.4%, and not 0."""
    none = Interval(0.0, None, None)
    kept = Kept("ltt", "Learn-then-Test", "accuracy", 0.01, 0.95, 0.9, none, none, 1 / 240, 0.0, 0.001)
    (row,) = promises_grid([kept]).rows
    assert [*row[5:7]] == ["0.4", "0.0"]
