"""Shares of variance: by hand, against a reference by brute force, and where no interval can be."""

from itertools import combinations, product
from math import asin, log, pi

import numpy as np
import pytest

from overthink.predictions.arrays import FloatArray
from overthink.statistics.estimate import t_quantile
from overthink.statistics.jackknife import Interval, of_positive
from overthink.statistics.sobol import Runs, variance_ratio

PAIRS = [[0, 1], [2, 3], [4, 5]]


def numbers(*values: float, units: tuple[int, ...] = (0, 0, 1, 1, 2, 2), samples: int = 1) -> Runs:
    return Runs(np.repeat(np.array(values)[:, None], samples, axis=1), np.array(units), range(len(values)))


def test_by_hand() -> None:
    """Halved squared differences between units: 0.5, 3 and 2.5, mean 2; within them: 2, 0 and 8, mean 10 / 3."""
    found = variance_ratio(numbers(0, 2, 1, 1, 4, 0, samples=3), [PAIRS])  # three samples that are all alike
    assert found is not None
    assert found.value == pytest.approx((10 / 3) / 2)
    without = [(8 / 2) / 2.5, (10 / 2) / 3, (2 / 2) / 0.5]
    assert found == pytest.approx(of_positive(found.value, without))


def test_of_a_number_a_run_there_is_a_degree_of_freedom_less() -> None:
    values, units = (0, 2, 1, 1, 4, 0, 3, 5), (0, 0, 1, 1, 2, 2, 3, 3)
    number, alike = (variance_ratio(numbers(*values, units=units, samples=n), [[*PAIRS, [6, 7]]]) for n in (1, 3))
    assert number is not None
    assert number.low is not None
    assert alike is not None
    assert alike.low is not None
    assert log(number.value / number.low) / log(alike.value / alike.low) == pytest.approx(t_quantile(2) / t_quantile(3))
    few = variance_ratio(numbers(*values[:6]), [PAIRS])  # so three base points leave too few of them
    assert few is not None
    assert few.value == pytest.approx(5 / 3)
    assert few[1:] == (None, None)


def test_one_run_a_unit_is_the_usual_variance() -> None:
    random = np.random.default_rng(0)
    value_RN = random.standard_normal((9, 7))
    runs = Runs(value_RN, np.array([0, 1, 2, 3, 4, 0, 1, 2, 3]), range(5))
    found = variance_ratio(runs, [[[0, 5, 6, 7, 8]]])
    assert found is not None
    within, total = (value_RN[rows].var(axis=0, ddof=1).mean() for rows in ([0, 5, 6, 7, 8], range(5)))
    assert found.value == pytest.approx(within / total)


def test_against_pairs_of_runs() -> None:
    random = np.random.default_rng(1)
    value_RN = (random.random((12, 50)) < 0.3).astype(np.float64)
    unit_R = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 4, 4])
    arms = [[[0, 1], [3, 4], [6, 7]], [[0, 1, 2], [3, 5], [6, 8]]]
    found = variance_ratio(Runs(value_RN, unit_R, range(12)), arms)
    rows = [np.flatnonzero(unit_R == unit).tolist() for unit in range(5)]
    between = [
        np.mean([_half_square(value_RN, i, j) for i, j in product(one, other)]) for one, other in combinations(rows, 2)
    ]
    within = [
        np.mean([np.mean([_half_square(value_RN, i, j) for i, j in combinations(block, 2)]) for block in arm])
        for arm in arms
    ]
    assert found is not None
    assert found.value == pytest.approx(sum(within) / np.mean(between))


def _half_square(value_RN: FloatArray, i: int, j: int) -> float:
    return float(np.mean((value_RN[i] - value_RN[j]) ** 2) / 2)


def test_what_has_no_interval() -> None:
    two = numbers(0, 2, 1, 3, units=(0, 0, 1, 1))
    assert variance_ratio(two, [PAIRS[:2]]) == Interval(2 / 1.5, None, None)  # two units
    same = numbers(0.1, 0.1, 0.7, 0.7, 0.4, 0.4)
    assert variance_ratio(same, [PAIRS]) == Interval(0.0, None, None)  # too few base points for 0 to be sure
    single = numbers(0, 2, 1, 5, 4, 9)
    found = variance_ratio(single, [PAIRS[:1]])  # without its unit nothing is left of the arm
    assert found is not None
    assert found.low is found.high is None


def test_what_changes_nothing_has_no_share() -> None:
    same = numbers(0.1, 0.1, 0.7, 0.7, 0.4, 0.4, samples=3)
    assert variance_ratio(same, [PAIRS]) == Interval(0.0, 0.0, 0.0)


def test_where_there_is_no_ratio() -> None:
    assert variance_ratio(numbers(1, 1, 1, 1, 1, 1), [PAIRS]) is None  # nothing varies at all
    assert variance_ratio(numbers(0, 2, 1, 3, 2, 5), [PAIRS, [[0], [2]]]) is None  # an arm without a pair
    assert variance_ratio(numbers(0, 2, units=(0, 0)), [PAIRS[:1]]) is None  # one unit


def test_intervals_hold_the_known_share() -> None:
    """A sum of two sources, 36 and 64% of its variance, is above 0: shares are (2 / pi) asin of what runs share."""
    held = []
    for seed in range(120):
        random = np.random.default_rng(seed)
        a_BRN, b_BRN = 0.6 * random.standard_normal((6, 2, 300)), 0.8 * random.standard_normal((6, 2, 300))
        base_BN, other_BN = a_BRN[:, 0] + b_BRN[:, 0] > 0, a_BRN[:, 1] + b_BRN[:, 0] > 0
        value_RN = np.stack([base_BN, other_BN], axis=1).reshape(12, 300).astype(np.float64)
        runs = Runs(value_RN, np.repeat(np.arange(6), 2), range(12))
        found = variance_ratio(runs, [[[2 * unit, 2 * unit + 1] for unit in range(6)]])
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held.append(found.low <= 1 - 2 / pi * asin(0.64) <= found.high)
    assert 0.92 <= np.mean(held) <= 1
