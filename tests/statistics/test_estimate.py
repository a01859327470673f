import numpy as np
import pytest
from scipy.special import stdtrit

from overthink.statistics.estimate import estimate, t_quantile


def test_by_hand() -> None:
    # mean 2, std 1, n 3: half width 4.302653 / sqrt(3)
    result = estimate([1.0, 2.0, 3.0])
    assert (result.n, result.mean, result.std) == (3, 2.0, 1.0)
    assert result.low == pytest.approx(2 - 2.4841377, abs=1e-6)
    assert result.high == pytest.approx(2 + 2.4841377, abs=1e-6)


def test_against_numpy_and_scipy() -> None:
    values = list(np.random.default_rng(0).random(7))
    result = estimate(values)
    assert result.mean == pytest.approx(np.mean(values), rel=1e-15)
    assert result.std == pytest.approx(np.std(values, ddof=1), rel=1e-14)
    for degrees in (*range(1, 40), 100, 9_999, 10**7):
        assert t_quantile(degrees) == pytest.approx(float(stdtrit(degrees, 0.975)), rel=1e-7)


def test_one_run_has_no_deviation_and_no_interval() -> None:
    assert estimate([0.5]) == (1, 0.5, None, None, None, None)


def test_no_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        estimate([])


def test_the_interval_covers_the_truth_in_95_of_100_studies() -> None:
    rng = np.random.default_rng(0)
    studies = [estimate(list(rng.normal(0.7, 0.01, size=5))) for _ in range(2000)]
    covered = np.mean([study.low <= 0.7 <= study.high for study in studies if study.low and study.high])
    assert 0.935 < covered < 0.965


def test_equal_values_have_no_interval() -> None:
    """A spread of 0 is that of few samples: [62.0, 62.0] would promise that no other seed gives another value."""
    assert estimate([0.62, 0.62]) == (2, 0.62, 0.0, None, None, None)
    assert estimate([0.1 + 0.2, 0.3]).low is None
