from itertools import permutations

import numpy as np
import pytest

from overthink.metrics.overthinking import overthought
from overthink.predictions.arrays import BoolArray
from overthink.study.recurrence import recurrence
from support.worlds import correct, no_difficulty, systematic_quarter


def brute_force(overthought_RN: BoolArray) -> tuple[float, float]:
    repeats, n = overthought_RN.shape
    two = np.mean([(overthought_RN[a] & overthought_RN[b]).mean() for a, b in permutations(range(repeats), 2)])
    does: list[int] = []
    does_not: list[int] = []
    for r in range(repeats):
        for k in range(n):
            score = int(overthought_RN[:, k].sum()) - int(overthought_RN[r, k])
            (does if overthought_RN[r, k] else does_not).append(score)
    above = np.mean([(one > other) + 0.5 * (one == other) for one in does for other in does_not])
    return float(two / overthought_RN.mean() ** 2), float(above)


def test_against_loops() -> None:
    random = np.random.default_rng(0)
    overthought_RN = random.random((4, 40)) < random.beta(0.5, 1, 40)
    found = recurrence(overthought_RN)
    assert found is not None
    assert (found.lift.value, found.auc.value) == pytest.approx(brute_force(overthought_RN))


def test_a_systematic_quarter_is_predicted_by_other_trainings() -> None:
    """The audit's world: an area of 0.86, although most of the indicator's variance is from training to training."""
    random = np.random.default_rng(0)
    found = recurrence(
        np.stack([overthought(one_EN) for one_EN in correct(systematic_quarter(4000, random), 8, random)])
    )
    assert found is not None
    assert found.auc.value == pytest.approx(0.86, abs=0.015)
    assert found.auc.low is not None
    assert found.auc.low > 0.8
    assert found.lift.low is not None
    assert found.lift.low > 2


def test_coins_are_not_predicted() -> None:
    random = np.random.default_rng(0)
    found = recurrence(np.stack([overthought(one_EN) for one_EN in correct(no_difficulty(4000, random), 8, random)]))
    assert found is not None
    assert found.auc.value == pytest.approx(0.5, abs=0.02)
    assert found.lift.low is not None
    assert found.lift.high is not None
    assert found.lift.low <= 1 <= found.lift.high


def test_nothing_and_too_few() -> None:
    assert recurrence(np.zeros((4, 10), dtype=bool)) is None
    assert recurrence(np.eye(4, 10, dtype=bool)[:, :] & np.array([[True], [False], [False], [False]])) is None
    two = recurrence(np.eye(2, 10, dtype=bool))
    assert two is not None
    assert two.lift == (0, None, None)
    with pytest.raises(ValueError, match="there is 1"):
        recurrence(np.ones((1, 3), dtype=bool))
