import numpy as np
import pytest

from overthink.metrics.overthinking import final_overthinking_rate
from overthink.study.cross_fitted import best_exit, cross_fitted, halves
from support.worlds import WORLDS, correct, difficulty_only, systematic_quarter


def test_by_hand() -> None:
    """Two trainings, three samples. A chooses exits 1, 2, 1 of two; B is right there on the first alone."""
    a_EN, b_EN = np.array([[1, 1, 1], [0, 1, 0]], dtype=bool), np.array([[1, 0, 0], [0, 0, 1]], dtype=bool)
    found = cross_fitted(np.stack([a_EN, b_EN]))
    # Chosen on A (exits 1, 2, 1), scored on B against its last exit: +1, 0, -1. Chosen on B (1, 2, 2) on A: +1, 0, 0.
    assert found.gain.value == pytest.approx((0 + 1) / 2 / 3)
    # On both: exit 1 right 2 and 1 and 1 times, exit 2 right 0, 1 and 1 times: exits 1, 2, 2 gain 1, 0, 0.
    assert found.seen.value == pytest.approx(1 / 3)


def test_the_last_exit_is_chosen_unless_another_is_right_more_often() -> None:
    assert best_exit(np.array([[2, 1, 0], [2, 3, 0], [2, 3, 0]], dtype=np.int32)).tolist() == [2, 2, 2]
    assert best_exit(np.array([[3, 1], [3, 2], [2, 1]], dtype=np.int32)).tolist() == [1, 1]


def test_halves() -> None:
    assert halves(range(2), 1) == [(0,), (1,)]
    assert len(halves(range(5), 2)) == 10
    many = halves(range(12), 5)
    assert len(many) == 60
    assert {len(half) for half in many} == {5}
    assert halves(range(12), 5) == many


@pytest.mark.parametrize("repeats, chosen_on", [(2, 1), (3, 1), (4, 1), (5, 2), (8, 3)])
def test_says_on_how_many_trainings_exits_are_chosen(repeats: int, chosen_on: int) -> None:
    """It is less than half, so that leaving a training out leaves as many."""
    assert cross_fitted(np.ones((repeats, 2, 30), dtype=bool)).chosen_on == chosen_on


def test_luck_gains_nothing_in_other_trainings() -> None:
    """Where only difficulty is systematic, an oracle gains 6 points and a choice on other trainings none."""
    random = np.random.default_rng(0)
    correct_REN = correct(difficulty_only(3000, random), 6, random)
    found = cross_fitted(correct_REN)
    assert np.mean([final_overthinking_rate(one_EN) for one_EN in correct_REN]) > 0.05
    assert found.gain.low is not None
    assert found.gain.high is not None
    assert found.gain.high < 0.005
    assert found.seen.value > 0.02


def test_what_is_systematic_is_gained_in_other_trainings() -> None:
    random = np.random.default_rng(0)
    found = cross_fitted(correct(systematic_quarter(3000, random), 8, random))
    assert found.gain.low is not None
    assert found.gain.low > 0.12
    assert found.gain.value < found.seen.value


@pytest.mark.parametrize("name", ["tied exits", "no difficulty"])
def test_nothing_systematic_is_never_found(name: str) -> None:
    for seed in range(10):
        random = np.random.default_rng(seed)
        gain = cross_fitted(correct(WORLDS[name](500, random), 5, random)).gain
        assert gain.low is not None
        assert gain.low <= 0


def test_one_training_is_refused() -> None:
    with pytest.raises(ValueError, match="needs two trainings"):
        cross_fitted(np.ones((1, 2, 3), dtype=bool))
