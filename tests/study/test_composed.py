from itertools import permutations

import numpy as np
import pytest

from overthink.metrics.overthinking import finally_overthought
from overthink.predictions.arrays import BoolArray
from overthink.statistics.jackknife import Interval
from overthink.study.composed import composed
from overthink.study.decomposition import decomposition
from support.repeats import by_difficulty, independent, tied


def brute_force(correct_REN: BoolArray) -> float:
    """Over all ordered choices of two networks, and of two chimeras of four different networks."""
    repeats = len(correct_REN)
    earlier, lost = np.asarray(correct_REN[:, :-1].any(axis=1)), ~correct_REN[:, -1]
    own = earlier & lost
    two = np.mean([(own[a] & own[b]).mean() for a, b in permutations(range(repeats), 2)])
    chimera = np.mean([(earlier[a] & lost[b]).mean() for a, b in permutations(range(repeats), 2)])
    shared = [(earlier[a] & lost[b] & earlier[c] & lost[d]).mean() for a, b, c, d in permutations(range(repeats), 4)]
    return float((two / own.mean() ** 2) / (np.mean(shared) / chimera**2))


def beyond_difficulty(correct_REN: BoolArray) -> Interval | None:
    found = composed(correct_REN)
    return found.beyond_difficulty if found else None


def test_against_loops_over_four_networks() -> None:
    for seed in range(3):
        correct_REN = by_difficulty(6, 40, seed=seed)
        found = beyond_difficulty(correct_REN)
        assert found is not None
        assert found.value == pytest.approx(brute_force(correct_REN))


def test_difficulty_alone_leaves_nothing() -> None:
    """In about 95% of all studies the interval holds 1, and the ratio is 1 on average."""
    ratios = [beyond_difficulty(by_difficulty(8, 1000, seed=seed)) for seed in range(60)]
    holding = [one.low <= 1 <= one.high for one in ratios if one and one.low is not None and one.high is not None]
    assert len(holding) == 60
    assert np.mean([one.value for one in ratios if one]) == pytest.approx(1, abs=0.02)
    assert np.mean(holding) >= 0.85


def test_samples_that_networks_lose_for_reasons_of_their_own() -> None:
    """Of samples of one difficulty, a fifth is lost by the last exit just where an earlier one has it."""
    correct_REN = independent(8, 1000, np.array([0.5, 0.5]))
    correct_REN[:, 1, :200] = ~correct_REN[:, 0, :200]
    found = beyond_difficulty(correct_REN)
    assert found is not None
    assert found.low is not None
    assert found.low > 1


def test_too_few_and_nothing() -> None:
    assert beyond_difficulty(by_difficulty(4, 50)) is None
    assert beyond_difficulty(by_difficulty(6, 50, exits=1)) is None
    assert beyond_difficulty(tied(6, 50)) is None


def test_share_of_composed_networks() -> None:
    """Difficulty alone: a composed network's indicator varies between samples as a network's own does."""
    correct_REN = by_difficulty(10, 3000)
    found = composed(correct_REN)
    own = decomposition(np.stack([finally_overthought(one_EN) for one_EN in correct_REN])).sample_share
    assert found is not None
    assert found.sample_share is not None
    assert own is not None
    assert found.sample_share.value == pytest.approx(own.value, abs=0.02)
