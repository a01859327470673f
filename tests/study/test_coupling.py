import numpy as np
import pytest

from overthink.metrics.overthinking import final_overthinking_rate, overthinking_pairs
from overthink.predictions.arrays import BoolArray
from overthink.study.coupling import coupling, final_coupling
from support.repeats import by_difficulty, independent, tied


def brute_force(correct_REN: BoolArray, i: int, j: int) -> tuple[float, float]:
    repeats, _, n = correct_REN.shape
    within: list[float] = []
    across: list[float] = []
    for a in range(repeats):
        for b in range(repeats):
            share = sum(correct_REN[a, i, k] and not correct_REN[b, j, k] for k in range(n)) / n
            (within if a == b else across).append(share)
    return float(np.mean(within)), float(np.mean(across))


def test_by_hand() -> None:
    """Exit 1 of A is right on both, exit 2 on the first; of B on the first, and on the second."""
    correct_REN = np.array([[[1, 1], [1, 0]], [[1, 0], [0, 1]]], dtype=bool)
    found = coupling(correct_REN)[1, 2]
    assert found.within.value == pytest.approx((0.5 + 0.5) / 2)
    assert found.across.value == pytest.approx((0.5 + 0) / 2)
    assert found.difference.value == pytest.approx(0.25)
    assert found.difference.holds_zero
    assert found.share == pytest.approx(-1.0)


def test_against_loops_over_pairs() -> None:
    correct_REN = by_difficulty(4, 30)
    for (i, j), found in coupling(correct_REN).items():
        assert (found.within.value, found.across.value) == pytest.approx(brute_force(correct_REN, i - 1, j - 1))


def test_within_is_what_runs_report_already() -> None:
    correct_REN = by_difficulty(5, 50)
    mean_EE = np.mean([overthinking_pairs(one_EN) for one_EN in correct_REN], axis=0)
    for (i, j), found in coupling(correct_REN).items():
        assert found.within.value == pytest.approx(mean_EE[i - 1, j - 1])
    rates = [final_overthinking_rate(one_EN) for one_EN in correct_REN]
    assert final_coupling(correct_REN).within.value == pytest.approx(np.mean(rates))


def test_independent_exits_are_not_coupled() -> None:
    """Independent exits, and exits that have difficulty alone in common: nothing sets a network apart."""
    for correct_REN in (independent(12, 3000, np.array([0.5, 0.6, 0.7])), by_difficulty(12, 3000)):
        for found in (*coupling(correct_REN).values(), final_coupling(correct_REN)):
            assert abs(found.difference.value) < 0.005
        assert sum(found.difference.holds_zero for found in coupling(correct_REN).values()) >= 2


def test_exits_that_are_one_are_tied_all_the_way() -> None:
    found = coupling(tied(8, 1000))[1, 3]
    assert found.within.value == 0
    assert found.across.value == pytest.approx(0.6 * 0.4, abs=0.01)
    assert found.share == pytest.approx(1.0)
    assert not found.difference.holds_zero


def test_no_difference_is_found_as_rarely_as_promised() -> None:
    """For exits that have difficulty alone in common, the interval leaves 0 out in about 5% of all studies."""
    outside = [not final_coupling(by_difficulty(8, 300, seed=seed)).difference.holds_zero for seed in range(300)]
    assert 0.01 <= np.mean(outside) <= 0.1


def test_one_model_is_refused() -> None:
    with pytest.raises(ValueError, match="there is 1"):
        coupling(np.ones((1, 2, 3), dtype=bool))


@pytest.mark.parametrize("repeats", [3, 4, 6, 7])
def test_one_network_many_times_is_not_tied_by_a_rounding(repeats: int) -> None:
    for seed in range(10):
        same_REN = np.repeat(by_difficulty(1, 101, seed=seed), repeats, axis=0)
        for found in (*coupling(same_REN).values(), final_coupling(same_REN)):
            unseen = 1 - 0.025 ** (1 / 101)  # of 101 samples (Clopper & Pearson)
            assert found.difference == pytest.approx((0, -unseen, unseen))
            assert found.difference.holds_zero
