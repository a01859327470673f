import numpy as np
import pytest

from overthink.metrics.accuracy import accuracy, by_level

RIGHT_EN = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 1, 0]], dtype=np.bool_)
LEVELS_N = np.array([0, 2, 2, 0])
NAMES = ("easy", "medium", "hard")


def test_hand_worked_accuracy() -> None:
    assert accuracy(RIGHT_EN).tolist() == [0.5, 0.5, 0.75]


def test_hand_worked_levels_without_the_empty_one() -> None:
    of_level = by_level(accuracy, RIGHT_EN, LEVELS_N, NAMES)
    assert {name: values.tolist() for name, values in of_level.items()} == {
        "easy": [0.5, 0.5, 0.5],
        "hard": [0.5, 0.5, 1.0],
    }
    assert by_level(accuracy, RIGHT_EN, np.zeros(4, dtype=np.int64), ()) == {}


@pytest.mark.parametrize("seed", range(10))
def test_against_a_loop_over_samples(seed: int) -> None:
    random = np.random.default_rng(seed)
    correct_EN, levels_N = random.random((3, 40)) < 0.6, random.integers(0, 3, 40)
    of_level = by_level(accuracy, correct_EN, levels_N, NAMES)
    for i in range(3):
        assert accuracy(correct_EN)[i] == sum(bool(right) for right in correct_EN[i]) / 40
        for level, name in enumerate(NAMES):
            rights = [bool(correct_EN[i, sample]) for sample in range(40) if levels_N[sample] == level]
            assert of_level[name][i] == pytest.approx(sum(rights) / len(rights))
