import numpy as np
import pytest

from overthink.study.independent import independent_samples_ratio


def test_by_hand() -> None:
    """Two trainings, two samples, shares 1 and 1/2: variance 1/8; the second sample alone varies, by 1/2 over 4."""
    found = independent_samples_ratio(np.array([[1, 1], [1, 0]], dtype=bool))
    assert found is not None
    assert found.value == pytest.approx(1.0)
    assert found.low == pytest.approx(1 / 5.023886187314888)  # scipy.stats.chi2.ppf(0.975, 1)
    assert found.high == pytest.approx(1 / 0.0009820691171752583)


def test_independent_samples_give_one_as_often_as_promised() -> None:
    random, inside = np.random.default_rng(0), 0
    for _ in range(400):
        chance_N = random.beta(0.5, 1, 800)
        found = independent_samples_ratio(random.random((5, 800)) < chance_N)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 1 <= found.high
    assert 0.92 <= inside / 400 <= 0.98


def test_trainings_that_differ_on_the_whole_are_found() -> None:
    random = np.random.default_rng(0)
    found = independent_samples_ratio(random.random((8, 2000)) < random.uniform(0.1, 0.5, (8, 1)))
    assert found is not None
    assert found.low is not None
    assert found.low > 1


def test_nothing_varies() -> None:
    assert independent_samples_ratio(np.ones((4, 5), dtype=bool)) is None
    assert independent_samples_ratio(np.eye(1, 5, dtype=bool)) is None


def test_equal_rates_of_few_samples_are_no_evidence() -> None:
    """Two trainings overthink one sample each: a fifth of all such pairs have as many."""
    indicator_RN = np.zeros((2, 100), dtype=bool)
    indicator_RN[0, 3] = indicator_RN[1, 70] = True
    assert independent_samples_ratio(indicator_RN) == (0, None, None)
    seven_RN = np.stack([np.roll(np.arange(100) < 10, 7 * shift) for shift in range(7)])
    assert independent_samples_ratio(seven_RN) == (0, None, None)  # 1e-31 by rounding
