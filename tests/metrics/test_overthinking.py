import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from overthink.inference.oracle import oracle
from overthink.metrics.accuracy import accuracy, by_level
from overthink.metrics.overthinking import (
    final_overthinking_rate,
    finally_overthought,
    mean_confusion,
    overthinking_pairs,
    overthinking_rate,
    overthought,
    wasteful_overthinking_rate,
)
from overthink.predictions.arrays import BoolArray

# samples:              0  1  2  3  4  5
RIGHT_EN = np.array([[1, 1, 1, 0, 0, 0], [1, 0, 1, 1, 0, 0], [1, 1, 0, 0, 1, 0]], dtype=np.bool_)

ANY_CORRECT = st.tuples(st.integers(1, 6), st.integers(1, 30)).flatmap(lambda shape: arrays(np.bool_, shape))


def test_hand_worked_rates() -> None:
    assert overthought(RIGHT_EN).tolist() == [False, True, True, True, False, False]
    assert finally_overthought(RIGHT_EN).tolist() == [False, False, True, True, False, False]
    assert overthinking_rate(RIGHT_EN) == 3 / 6
    assert final_overthinking_rate(RIGHT_EN) == pytest.approx(2 / 6)
    assert wasteful_overthinking_rate(RIGHT_EN) == pytest.approx(2 / 6)
    expected_EE = np.array([[0, 1, 1], [0, 0, 2], [0, 0, 0]]) / 6
    assert overthinking_pairs(RIGHT_EN) == pytest.approx(expected_EE)


def test_hand_worked_rates_by_level() -> None:
    levels_N = np.array([0, 0, 0, 1, 1, 1])
    rates = by_level(overthinking_rate, RIGHT_EN, levels_N, ("easy", "hard"))
    assert rates == pytest.approx({"easy": 2 / 3, "hard": 1 / 3})
    final_rates = by_level(final_overthinking_rate, RIGHT_EN, levels_N, ("easy", "hard"))
    assert final_rates == pytest.approx({"easy": 1 / 3, "hard": 1 / 3})


def test_hand_worked_confusion() -> None:
    confusion_EN = np.array([[1.5, 0.5], [1.0, 0.0], [0.0, 0.0]])
    assert mean_confusion(confusion_EN) == pytest.approx((2.5 + 0.5) / 2)


@given(ANY_CORRECT)
def test_against_a_loop_over_samples(correct_EN: BoolArray) -> None:
    n_exits, n_samples = correct_EN.shape
    any_later, final, wasteful = 0, 0, 0
    pairs = [[0] * n_exits for _ in range(n_exits)]
    for sample in range(n_samples):
        right = [bool(value) for value in correct_EN[:, sample]]
        found = [(i, j) for i in range(n_exits) for j in range(i + 1, n_exits) if right[i] and not right[j]]
        for i, j in found:
            pairs[i][j] += 1
        any_later += bool(found)
        final += any(right[:-1]) and not right[-1]
        wasteful += any(right[:-1]) and right[-1]
        assert overthought(correct_EN)[sample] == bool(found)
        assert finally_overthought(correct_EN)[sample] == (any(right[:-1]) and not right[-1])
    assert overthinking_rate(correct_EN) == pytest.approx(any_later / n_samples)
    assert final_overthinking_rate(correct_EN) == pytest.approx(final / n_samples)
    assert wasteful_overthinking_rate(correct_EN) == pytest.approx(wasteful / n_samples)
    assert overthinking_pairs(correct_EN) == pytest.approx(np.array(pairs) / n_samples)


@given(ANY_CORRECT)
def test_identities(correct_EN: BoolArray) -> None:
    final, last = final_overthinking_rate(correct_EN), accuracy(correct_EN)[-1]
    assert oracle(correct_EN, np.arange(1, len(correct_EN) + 1)).accuracy == pytest.approx(last + final)
    assert final <= overthinking_rate(correct_EN)
    assert overthinking_pairs(correct_EN).max() <= overthinking_rate(correct_EN) + 1e-12
    right_before_last = correct_EN[:-1].any(axis=0).mean()
    assert wasteful_overthinking_rate(correct_EN) + final == pytest.approx(right_before_last)


@pytest.mark.parametrize("shape", [(1, 4), (3, 1), (1, 1), (5, 7)])
@pytest.mark.parametrize("right", [True, False])
def test_where_exits_agree_nothing_is_overthought(shape: tuple[int, int], right: bool) -> None:
    correct_EN = np.full(shape, right)
    assert overthinking_rate(correct_EN) == final_overthinking_rate(correct_EN) == 0
    assert not overthinking_pairs(correct_EN).any()
    assert wasteful_overthinking_rate(correct_EN) == (right and shape[0] > 1)


def test_a_single_exit_has_no_confusion() -> None:
    assert mean_confusion(np.zeros((1, 3))) == 0
