import numpy as np
import pytest

from overthink.study.spread import deviation, spread


def test_by_hand() -> None:
    found = deviation(np.array([0.1, 0.2, 0.4]))
    assert found is not None
    assert found.value == pytest.approx(np.std([0.1, 0.2, 0.4], ddof=1))
    assert found.low is None  # of three, from deviations of two
    assert deviation(np.array([0.3])) is None
    four = deviation(np.array([0.1, 0.2, 0.4, 0.3]))
    assert four is not None
    assert four.low is not None


def test_a_deviation_lies_in_its_interval_as_often_as_promised() -> None:
    """Of 400 sets of 8 normal values about 95% (the docstring's simulation); a wrong scale would show at once."""
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        found = deviation(random.normal(0, 3, 8))
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 3 <= found.high
    assert 0.92 <= inside / 400 <= 0.985


def test_four_runs_often_do_not_determine_a_deviation() -> None:
    """The audit's case: shares of 0.4 points around their mean printed with an interval of [0.0, 15.2]."""
    random = np.random.default_rng(0)
    undetermined = [not spread(random.random((4, 500)) < 0.3).is_determined for _ in range(200)]
    assert 0.2 < np.mean(undetermined) < 0.95
    assert spread(random.random((16, 500)) < 0.3).is_determined
    assert not spread(random.random((3, 500)) < 0.3).is_determined


def test_the_mean_is_over_trainings_and_samples() -> None:
    indicator_RN = np.array([[1, 1, 0, 0], [1, 0, 0, 0]], dtype=bool)
    found = spread(indicator_RN)
    assert found.mean.value == pytest.approx(3 / 8)
    assert found.std is not None
    assert found.std.value == pytest.approx(np.std([0.5, 0.25], ddof=1))
    with pytest.raises(ValueError, match="at least one training"):
        spread(indicator_RN[:0])


def test_a_rounding_is_no_deviation() -> None:
    found = spread(np.tile(np.arange(100) < 10, (7, 1)))
    assert found.std == (0, None, None)
    assert not found.is_determined
    assert deviation(np.array([0.07] * 11)) == (0, None, None)
