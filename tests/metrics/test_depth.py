"""What stored predictions say in depth: by hand, and against loops over samples."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from overthink.metrics.agreement import confidence_ranks, rank_correlation
from overthink.metrics.calibration import calibration_error, reliability
from overthink.metrics.hindsight import confidence_tenths, hindsight_improvability, kept_right, rate_by_group

RIGHT_EN = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 1, 0]], dtype=bool)


def test_calibration_by_hand() -> None:
    """Two bins: 0.4 and 0.5 (one of two right) below, 0.9 (right) above."""
    found = reliability(np.array([True, False, True]), np.array([0.4, 0.5, 0.9]), bins=2)
    assert found.count_B.tolist() == [2, 1]
    assert found.confidence_B.tolist() == pytest.approx([0.45, 0.9])
    assert found.accuracy_B.tolist() == [0.5, 1.0]
    error = calibration_error(np.array([[True, False, True]]), np.array([[0.4, 0.5, 0.9]]), bins=2)
    assert error.tolist() == pytest.approx([(2 * 0.05 + 1 * 0.1) / 3])


@pytest.mark.parametrize("seed", range(20))
def test_calibration_against_a_loop(seed: int) -> None:
    random = np.random.default_rng(seed)
    confidence_EN, correct_EN = np.round(random.random((2, 50)), 2), random.random((2, 50)) < 0.6
    for e, error in enumerate(calibration_error(correct_EN, confidence_EN)):
        total = 0.0
        for b in range(15):
            low, high = b / 15, (b + 1) / 15
            inside = [
                n for n in range(50) if low < confidence_EN[e, n] <= high or (b == 0 and confidence_EN[e, n] == 0)
            ]
            if inside:
                gap = np.mean([correct_EN[e, n] for n in inside]) - np.mean([confidence_EN[e, n] for n in inside])
                total += len(inside) / 50 * abs(gap)
        assert error == pytest.approx(total)


def test_perfect_and_worst_calibration() -> None:
    sure = np.ones((1, 4))
    assert calibration_error(np.ones((1, 4), bool), sure).tolist() == [0.0]
    assert calibration_error(np.zeros((1, 4), bool), sure).tolist() == [1.0]


def test_kept_right_by_hand() -> None:
    kept_EE = kept_right(RIGHT_EN)
    assert kept_EE.tolist() == [[1, 0.5, 0], [0.5, 1, 0.5], [0, 1, 1]]
    assert np.isnan(kept_right(np.array([[False], [True]]))[0]).all()


def test_hindsight_by_hand() -> None:
    """Exit 2 errs on samples 2 and 4, of which exit 1 had 2; exit 3 on 1, 2 and 4, of which 1 and 2 were known."""
    assert hindsight_improvability(RIGHT_EN).tolist() == pytest.approx([0, 1 / 2, 2 / 3])
    assert hindsight_improvability(np.ones((3, 2), bool)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("seed", range(20))
def test_hindsight_against_a_loop(seed: int) -> None:
    correct_EN = np.random.default_rng(seed).random((4, 30)) < 0.5
    for j, share in enumerate(hindsight_improvability(correct_EN)):
        wrong = [n for n in range(30) if not correct_EN[j, n]]
        assert share == pytest.approx(sum(any(correct_EN[:j, n]) for n in wrong) / len(wrong))


def test_who_overthinks_by_hand() -> None:
    flags, groups = np.array([True, False, True, True]), np.array([0, 0, 2, 2])
    np.testing.assert_array_equal(rate_by_group(flags, groups, 3), [0.5, np.nan, 1.0])


def test_tenths_hold_equally_many() -> None:
    confidence_N = np.random.default_rng(0).permutation(np.linspace(0, 1, 100))
    tenth_N = confidence_tenths(confidence_N)
    assert np.bincount(tenth_N).tolist() == [10] * 10
    assert confidence_N[tenth_N == 9].min() > confidence_N[tenth_N == 8].max()
    assert confidence_tenths(np.array([0.3])).tolist() == [0]


def test_ranks_by_hand() -> None:
    ranks_EN = confidence_ranks(np.array([[0.9, 0.1, 0.5], [0.5, 0.5, 0.1]]))
    assert ranks_EN.tolist() == [[1.0, 0.0, 0.5], [0.75, 0.75, 0.0]]
    with pytest.raises(ValueError, match="at least two samples"):
        confidence_ranks(np.array([[0.5]]))


@pytest.mark.parametrize("seed", range(10))
def test_rank_correlation_against_scipy(seed: int) -> None:
    confidence_EN = np.round(np.random.default_rng(seed).random((3, 40)), 1)
    for i in range(3):
        for j in range(3):
            expected = spearmanr(confidence_EN[i], confidence_EN[j]).statistic
            assert rank_correlation(confidence_EN)[i, j] == pytest.approx(expected)


def test_an_exit_equally_sure_of_everything_has_no_correlation() -> None:
    assert np.isnan(rank_correlation(np.array([[0.5, 0.5], [0.1, 0.9]]))[0, 1])
