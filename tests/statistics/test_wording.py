"""Numbers in sentences: an interval as wide as all that its number can be is not shown as one."""

import pytest

from overthink.statistics.jackknife import Interval
from overthink.statistics.wording import ends, percent, points, times


@pytest.mark.parametrize(
    "shown, words",
    [
        (percent(Interval(0.5, 0.2, 0.8)), "50.0% [20.0, 80.0]"),
        (percent(Interval(0.5, -0.9, 1.9)), "50.0% [not determined]"),
        (percent(Interval(0.5, None, None)), "50.0%"),
        (points(Interval(0.1, -0.9, 1.0)), "+10.0 points [-90.0, +100.0]"),
        (points(Interval(0.1, -1.2, 1.4)), "+10.0 points [not determined]"),
        (times(Interval(2, -1, 90)), "2.00 times [0.00, 90.00]"),
        (ends(Interval(0.7, 0.0, 1.0), ".2f", span=1), "0.70 [not determined]"),
    ],
)
def test_a_number_with_its_interval(shown: str, words: str) -> None:
    assert shown == words
