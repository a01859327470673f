import pytest

from overthink.report.averages import estimate_lines
from overthink.report.exit_policy_table import _cell
from overthink.report.grids import Grid
from overthink.report.undetermined import SENTENCE, ends, explained, plain_ends
from overthink.statistics.estimate import Estimate
from overthink.statistics.jackknife import Interval


def test_an_interval_as_wide_as_the_range_says_nothing() -> None:
    """One of a share, from 0 to 1, may have a width below 1; one of a difference, from -1 to 1, a width below 2."""
    assert ends(0.1, 0.3) == "[10.0, 30.0]"
    assert ends(-0.5, 0.5) == "n.d."
    assert ends(-0.5, 0.5, "+.0f", span=2) == "[-50, +50]"
    assert ends(-1.0, 1.0, "+.0f", span=2) == "n.d."
    assert plain_ends(1.0, 900.0, ".4g", (None, None)) == plain_ends(1.0, 900.0, ".4g", (0, None)) == "[1, 900]"
    assert plain_ends(1.0, 5.0, ".4g", (1, 5)) == "n.d."


@pytest.mark.parametrize("half, shown", [(1.36, "11 n.d."), (0.5, "11 n.d."), (0.49, "11±49"), (None, "11")])
def test_a_share_that_two_runs_do_not_determine(half: float | None, shown: str) -> None:
    found = Interval(0.11, None, None) if half is None else Interval(0.11, 0.11 - half, 0.11 + half)
    assert _cell(found, digits=0) == shown


def test_means_over_seeds() -> None:
    assert estimate_lines(Estimate(2, 0.5, 0.4, 0.0, 1.0, "seeds"), "†") == ("50.00 ± 40.00", "n.d.†")


def test_what_it_means_is_said_where_it_occurs() -> None:
    assert explained(Grid(("a", "b"), [("x", "1±2")], "Percent.")).caption == "Percent."
    assert explained(Grid(("a", "b"), [("x", "1 n.d.")], "Percent.")).caption == f"Percent. {SENTENCE}"
