import numpy as np
import pytest

from overthink.statistics.estimate import estimate
from overthink.statistics.jackknife import Interval, jackknife, of_positive


def test_of_a_mean_it_is_students_interval() -> None:
    values = np.random.default_rng(0).normal(size=7)
    found = jackknife(float(values.mean()), [float(np.delete(values, left_out).mean()) for left_out in range(7)])
    theirs = estimate(values.tolist())
    assert found == pytest.approx((theirs.mean, theirs.low, theirs.high))


def test_too_few_models_have_no_interval() -> None:
    assert jackknife(2.0, [1.0, 1.0]) == Interval(2.0, None, None)
    assert Interval(1.0, None, None).holds_zero
    assert Interval(1.0, -0.1, 2.0).holds_zero
    assert not Interval(1.0, 0.1, 2.0).holds_zero


def test_by_hand() -> None:
    """Three numbers 1, 2, 3: half = t(0.975, 2) * sqrt(2/3 * 2)."""
    half = 4.302652729749462 * (2 / 3 * 2) ** 0.5
    assert jackknife(5.0, [1.0, 2.0, 3.0]) == pytest.approx((5.0, 5 - half, 5 + half))


def test_positive_numbers_keep_positive_intervals() -> None:
    low, high = of_positive(0.1, [0.02, 0.1, 0.3])[1:]
    assert low is not None
    assert high is not None
    assert 0 < low < 0.1 < high
    assert of_positive(0.0, [0.0, 0.0, 0.0]) == Interval(0.0, None, None)
