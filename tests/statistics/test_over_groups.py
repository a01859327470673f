import pytest

from overthink.statistics.estimate import estimate
from overthink.statistics.over_groups import over_groups


def test_by_hand() -> None:
    """Means 0.3 and 0.9, whatever their n; a group without a number does not count."""
    found = over_groups([estimate([0.2, 0.4]), None, estimate([0.9])])
    assert found is not None
    assert found[:3] == pytest.approx((0.6, 0.3, 0.9))
    assert found.n == (2, 0, 1)


def test_no_number_at_all() -> None:
    assert over_groups([None, None]) is None
