"""Learning orders: on networks whose order is known, and against scipy pair by pair."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from overthink.dynamics.order import learning_order, overthinking_by_disorder, parts_by_disorder
from overthink.predictions.arrays import IntArray


def orders(repeats: int, n_exits: int, n_samples: int, shared: float, own: float, seed: int = 0) -> IntArray:
    """Learning times made of a part that all share, a part that the exits of a network share, and noise."""
    chance = np.random.default_rng(seed)
    sample_N, training_RN = chance.normal(size=n_samples), chance.normal(size=(repeats, 1, n_samples))
    noise_REN = chance.normal(size=(repeats, n_exits, n_samples))
    times = shared * sample_N + own * training_RN + noise_REN
    return np.digitize(times, np.linspace(-3, 3, 20))


def test_correlations_are_scipys_pair_by_pair() -> None:
    time_REN = orders(3, 4, 200, shared=1, own=1)
    found = learning_order(time_REN)
    assert found is not None
    assert found.across_EE is not None
    for i in range(4):
        for j in range(4):
            within = [spearmanr(time_REN[r, i], time_REN[r, j]).statistic for r in range(3)]
            across = [spearmanr(time_REN[r, i], time_REN[s, j]).statistic for r in range(3) for s in range(3) if r != s]
            assert found.within_EE[i, j] == pytest.approx(np.mean(within))
            assert found.across_EE[i, j] == pytest.approx(np.mean(across))
    apart = ~np.eye(4, dtype=bool)
    assert found.exits is not None
    assert found.exits.value == pytest.approx(found.within_EE[apart].mean())
    assert found.exits_across is not None
    assert found.exits_across.value == pytest.approx(found.across_EE[apart].mean())
    assert found.difference is not None
    assert found.difference.value == pytest.approx(found.exits.value - found.exits_across.value)
    assert found.same_exit_across is not None
    assert found.same_exit_across.value == pytest.approx(np.trace(found.across_EE) / 4)


def test_what_exits_share_by_their_training_is_seen_and_where_there_is_nothing_it_is_not() -> None:
    some, none = (learning_order(orders(6, 3, 2000, shared=1, own=own)) for own in (1.0, 0.0))
    assert some is not None
    assert none is not None
    assert some.difference is not None
    assert some.difference.low is not None
    assert some.difference.low > 0.2
    assert none.difference is not None
    assert none.difference.holds_zero
    assert abs(none.difference.value) < 0.02


def test_one_training_has_no_null_and_one_exit_no_pair() -> None:
    alone = learning_order(orders(1, 3, 100, 1, 1))
    assert alone is not None
    assert alone.exits is not None
    assert (alone.across_EE, alone.difference, alone.same_exit_across) == (None, None, None)
    one_exit = learning_order(orders(3, 1, 100, 1, 1))
    assert one_exit is not None
    assert (one_exit.exits, one_exit.difference) == (None, None)
    assert one_exit.same_exit_across is not None


def test_an_exit_that_learned_nothing_has_no_order() -> None:
    time_REN = orders(2, 3, 50, 1, 1)
    time_REN[1, 2] = 20
    assert learning_order(time_REN) is None


def test_samples_of_disorder_are_found_in_other_trainings() -> None:
    """Half of the samples are learned in one order by all, half in another one by each exit of each training."""
    chance = np.random.default_rng(1)
    time_REN = np.broadcast_to(np.arange(600), (4, 3, 600)).copy()
    time_REN[:, :, ::2] = chance.integers(0, 600, (4, 3, 300))
    part_R2N = parts_by_disorder(time_REN)
    for axis in range(2):
        assert part_R2N[:, axis, ::2].mean() > part_R2N[:, axis, 1::2].mean() + 0.9
    overthought_RN = np.zeros((4, 600), dtype=bool)
    overthought_RN[:, ::2] = True
    rate, share = overthinking_by_disorder(part_R2N, overthought_RN)
    assert share.sum() == pytest.approx(1)
    assert rate[2, 2] > 0.9
    assert rate[0, 0] < 0.1
    for row in range(3):
        for column in range(3):
            here = (part_R2N[:, 0] == row) & (part_R2N[:, 1] == column)
            assert share[row, column] == pytest.approx(here.mean())
            if here.any():
                assert rate[row, column] == pytest.approx(overthought_RN[here].mean())


def test_a_trainings_own_course_does_not_say_where_its_samples_fall() -> None:
    time_REN = orders(4, 3, 100, 1, 1)
    before = parts_by_disorder(time_REN)
    time_REN[2] = np.random.default_rng(5).integers(0, 20, (3, 100))
    after = parts_by_disorder(time_REN)
    assert np.array_equal(before[2], after[2])
    assert not np.array_equal(before[0], after[0])
    with pytest.raises(ValueError, match="at least three trainings, got 2"):
        parts_by_disorder(time_REN[:2])
