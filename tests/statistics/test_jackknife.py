import numpy as np
import pytest

from overthink.statistics.estimate import estimate
from overthink.statistics.jackknife import Interval, jackknife, of_positive, over_models
from overthink.study.spread import spread


def test_of_a_mean_it_is_students_interval() -> None:
    values = np.random.default_rng(0).normal(size=7)
    found = over_models(lambda models: float(values[models].mean()), 7)
    theirs = estimate(values.tolist())
    assert found == pytest.approx((theirs.mean, theirs.low, theirs.high))


def test_too_few_models_have_no_interval() -> None:
    assert over_models(lambda models: float(len(models)), 2) == Interval(2.0, None, None)
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


def test_spread_by_hand() -> None:
    found = spread(np.array([0.1, 0.2, 0.4]))
    assert found.mean.mean == pytest.approx(0.7 / 3)
    assert found.std is not None
    assert found.std.value == pytest.approx(np.std([0.1, 0.2, 0.4], ddof=1))
    assert spread(np.array([0.3])).std is None
    assert found.std.low is None  # of three, from deviations of two
    four = spread(np.array([0.1, 0.2, 0.4, 0.3])).std
    assert four is not None
    assert four.low is not None


def test_a_deviation_lies_in_its_interval_as_often_as_promised() -> None:
    """Of 400 sets of 8 normal values about 95% (the docstring's simulation); a wrong scale would show at once."""
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        found = spread(random.normal(0, 3, 8)).std
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 3 <= found.high
    assert 0.92 <= inside / 400 <= 0.985
