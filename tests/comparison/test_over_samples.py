import numpy as np
import pytest

from overthink.comparison.over_samples import over_samples
from overthink.metrics.overthinking import overthinking_rate
from support.repeats import by_difficulty, independent, predictions


def test_by_hand() -> None:
    """Two networks on four samples: the last exit is right (2, 1, 1, 0) times of two."""
    correct_REN = np.array([[[1, 1, 0, 0]], [[1, 0, 1, 0]]], dtype=bool)
    found = over_samples(predictions(correct_REN), "test/accuracy/last")
    half = 1.959963984540054 * np.std([1, 0.5, 0.5, 0], ddof=1) / 2
    assert found == pytest.approx((0.5, 0.5 - half, 0.5 + half))


def test_the_mean_is_the_metrics() -> None:
    correct_REN = by_difficulty(3, 200)
    found = over_samples(predictions(correct_REN), "test/overthinking/any_later")
    assert found.mean == pytest.approx(np.mean([overthinking_rate(one_EN) for one_EN in correct_REN]))


def test_it_holds_the_truth_as_often_as_promised() -> None:
    inside = []
    for seed in range(200):
        found = over_samples(predictions(independent(2, 150, np.array([0.7]), seed=seed)), "test/accuracy/last")
        inside.append(found.low <= 0.7 <= found.high)
    assert 0.9 <= np.mean(inside) <= 0.99


def test_a_rate_stays_one() -> None:
    """Of eight samples that all but one are right: 0.875 + 0.245."""
    correct_REN = np.array([[[1, 1, 1, 1, 1, 1, 1, 0]]], dtype=bool)
    assert over_samples(predictions(correct_REN), "test/accuracy/last").high == 1
