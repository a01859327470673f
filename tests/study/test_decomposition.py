import numpy as np
import pytest

from overthink.predictions.arrays import BoolArray
from overthink.study.decomposition import decomposition
from support.repeats import by_difficulty


def share(indicator_RN: BoolArray) -> float:
    found = decomposition(indicator_RN).sample_share
    assert found is not None
    return found.value


def test_by_hand() -> None:
    """Samples overthought by (0, 1, 2) of 2 models: MSB = 2 * var(0, .5, 1) = 0.5, MSW = (0 + 0.5 + 0) / 3."""
    indicator_RN = np.array([[0, 1, 1], [0, 0, 1]], dtype=bool)
    found = decomposition(indicator_RN)
    assert found.within_samples.value == pytest.approx(1 / 6)
    assert found.between_samples == pytest.approx((0.5 - 1 / 6) / 2)
    assert share(indicator_RN) == pytest.approx((1 / 6) / (1 / 6 + 1 / 6))


def brute_force(indicator_RN: BoolArray) -> float:
    repeats, n = indicator_RN.shape
    overall = indicator_RN.mean()
    between = sum(repeats * (indicator_RN[:, k].mean() - overall) ** 2 for k in range(n)) / (n - 1)
    within = sum(
        (float(indicator_RN[r, k]) - indicator_RN[:, k].mean()) ** 2 for k in range(n) for r in range(repeats)
    ) / (n * (repeats - 1))
    return float((between - within) / (between + (repeats - 1) * within))


def test_against_the_textbooks_sums() -> None:
    indicator_RN = by_difficulty(5, 60)[:, 0]
    assert share(indicator_RN) == pytest.approx(brute_force(indicator_RN))


@pytest.mark.parametrize("repeats", [2, 4, 16])
def test_few_repeats_do_not_move_the_share(repeats: int) -> None:
    """A beta(0.7, 0.7) chance a sample: the share is 1 / (0.7 + 0.7 + 1), whatever the number of models."""
    found = [share(by_difficulty(repeats, 4000, seed=seed)[:, 0]) for seed in range(5)]
    assert np.mean(found) == pytest.approx(1 / 2.4, abs=0.015)


def test_the_ends() -> None:
    chance = np.random.default_rng(0).random((6, 5000)) < 0.2
    assert share(chance) == pytest.approx(0, abs=0.02)
    always_the_same = np.repeat(chance[:1], 6, axis=0)
    assert decomposition(always_the_same).sample_share == (1.0, None, None)  # others may differ
    assert decomposition(np.zeros((4, 10), dtype=bool)).sample_share is None
    one_alone = np.zeros((3, 100), dtype=bool)
    one_alone[0, :5] = True  # without this training nothing varies
    found = decomposition(one_alone).sample_share
    assert found is not None
    assert (found.low, found.high) == (None, None)
    with pytest.raises(ValueError, match="1 models and 3 samples"):
        decomposition(np.ones((1, 3), dtype=bool))
