from itertools import combinations

import numpy as np
import pytest

from overthink.predictions.arrays import BoolArray
from overthink.study.overlap import overlap
from support.repeats import by_difficulty, independent


def found_in(overthought_RN: BoolArray, right_RN: BoolArray) -> tuple[float, float, float, float]:
    found = overlap(overthought_RN, right_RN, np.random.default_rng(0))
    assert found is not None
    return found.jaccard.value, found.independent_jaccard, found.lift.value, found.lift_within_difficulty.value


def test_by_hand() -> None:
    """Sets {1, 2} and {2, 3} of four: one of three shared; by chance 2 * 2 / 4 = 1 sample, so a lift of 1."""
    sets = np.array([[1, 1, 0, 0], [0, 1, 1, 0]], dtype=bool)
    assert found_in(sets, np.zeros((2, 4), dtype=bool)) == pytest.approx((1 / 3, 1 / 3, 1.0, 1.0))


def test_against_loops() -> None:
    random = np.random.default_rng(3)
    sets, right = random.random((5, 60)) < 0.4, by_difficulty(5, 60)[:, -1]
    jaccards, shared, by_chance, by_grade = [], 0.0, 0.0, 0.0
    for a, b in combinations(range(5), 2):
        ours, theirs = set(np.flatnonzero(sets[a])), set(np.flatnonzero(sets[b]))
        jaccards.append(len(ours & theirs) / len(ours | theirs))
        shared += len(ours & theirs)
        by_chance += len(ours) * len(theirs) / 60
        held_out = [model for model in range(5) if model not in (a, b)]
        for grade in range(4):
            equals = {k for k in range(60) if sum(right[model, k] for model in held_out) == grade}
            if equals:
                by_grade += len(ours & equals) * len(theirs & equals) / len(equals)
    jaccard, _, lift, within = found_in(sets, right)
    assert (jaccard, lift, within) == pytest.approx((np.mean(jaccards), shared / by_chance, shared / by_grade))


def test_sets_drawn_by_chance_are_found_out() -> None:
    correct_REN = independent(8, 2000, np.array([0.5, 0.5]))
    sets = correct_REN[:, 0] & ~correct_REN[:, 1]
    found = overlap(sets, correct_REN[:, -1], np.random.default_rng(0))
    assert found is not None
    assert found.lift.value == pytest.approx(1, abs=0.03)
    assert found.p > 0.05


def test_difficulty_alone_makes_sets_overlap_and_stratifying_takes_most_of_it_away() -> None:
    correct_REN = by_difficulty(20, 4000)
    sets = correct_REN[:, :-1].any(axis=1) & ~correct_REN[:, -1]
    found = overlap(sets, correct_REN[:, -1], np.random.default_rng(0))
    assert found is not None
    assert found.p < 0.01
    assert found.lift.value > 1.3
    assert found.lift_within_difficulty.value - 1 < 0.25 * (found.lift.value - 1)


def test_sets_that_repeat_beyond_difficulty_keep_their_lift() -> None:
    """A fifth of samples is overthought by nearly everyone, whatever its difficulty."""
    correct_REN = by_difficulty(10, 2000)
    prone_N = np.arange(2000) % 5 == 0
    sets = np.random.default_rng(0).random((10, 2000)) < np.where(prone_N, 0.8, 0.05)
    found = overlap(sets, correct_REN[:, -1], np.random.default_rng(0))
    assert found is not None
    assert found.lift_within_difficulty.low is not None
    assert found.lift_within_difficulty.low > 1.5


def test_shuffled_p_is_right_as_often_as_it_says() -> None:
    """For sets drawn by chance, p falls below 0.2 in a fifth of all studies."""
    low = []
    for seed in range(60):
        sets = np.random.default_rng(seed).random((3, 80)) < 0.3
        found = overlap(sets, np.zeros((3, 80), dtype=bool), np.random.default_rng(seed))
        assert found is not None
        low.append(found.p <= 0.2)
    assert 0.08 <= np.mean(low) <= 0.35


def test_nothing_to_share() -> None:
    nobody = np.zeros((3, 10), dtype=bool)
    assert overlap(nobody, nobody, np.random.default_rng(0)) is None
    with pytest.raises(ValueError, match="there is 1"):
        overlap(nobody[:1], nobody[:1], np.random.default_rng(0))
