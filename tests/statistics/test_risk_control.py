"""Risk control against hand-worked numbers of the papers' formulas, and by simulation."""

import numpy as np
import pytest

from overthink.predictions.arrays import FloatArray
from overthink.statistics.risk_control import (
    binomial_p,
    crc_certified,
    crc_needs,
    hoeffding_bentkus_p,
    last_certified,
    ltt_certified,
    ltt_needs,
    ucb_certified,
    ucb_needs,
)


def every(n: int, step: int) -> FloatArray:
    """Return n losses: 1 at every step-th sample."""
    return np.asarray((np.arange(1, n + 1) % step == 0).astype(np.float64))


def test_p_values() -> None:
    assert binomial_p(3, 100, 0.1) == pytest.approx(0.00783649, rel=1e-5)
    assert hoeffding_bentkus_p(3, 100, 0.1) == pytest.approx(0.0213018, rel=1e-5)
    assert hoeffding_bentkus_p(50, 1000, 0.06) == pytest.approx(0.273371, rel=1e-5)
    assert binomial_p(50, 1000, 0.06) == pytest.approx(0.100568, rel=1e-4)
    assert hoeffding_bentkus_p(0.07 * 100, 100, 0.2) == pytest.approx(np.e * binomial_p(7, 100, 0.2))  # not 8
    assert hoeffding_bentkus_p(0, 50, 0.1) == pytest.approx(0.9**50)


@pytest.mark.parametrize(
    "loss_N, bound",
    [
        (np.zeros(100), 0.0237976),
        (every(100, 10), 0.192430),
        (every(1000, 10), 0.122452),
        (np.tile([0.0, 0.2, 0.4], 100), 0.220108),
    ],
)
def test_upper_confidence_bound(loss_N: FloatArray, bound: float) -> None:
    assert not ucb_certified(loss_N[None], bound * (1 - 1e-5), 0.1).any()
    assert ucb_certified(loss_N[None], bound * (1 + 1e-5), 0.1).all()


@pytest.mark.parametrize(
    "n, risk, most", [(100, 0.05, 1), (500, 0.05, 18), (1000, 0.05, 40), (5000, 0.05, 229), (5000, 0.01, 40)]
)
def test_most_errors_that_ltt_accepts(n: int, risk: float, most: int) -> None:
    loss_GN = np.stack([np.arange(n) < errors for errors in (most, most + 1)]).astype(np.float64)
    assert ltt_certified(loss_GN, risk, 0.1).tolist() == [True, False]


@pytest.mark.parametrize(
    "n, risk, most", [(100, 0.05, 4), (500, 0.05, 24), (1000, 0.05, 49), (5000, 0.05, 249), (5000, 0.01, 49)]
)
def test_most_errors_that_crc_accepts(n: int, risk: float, most: int) -> None:
    loss_GN = np.stack([np.arange(n) < errors for errors in (most, most + 1)]).astype(np.float64)
    assert crc_certified(loss_GN, risk, 0.1).tolist() == [True, False]


def test_the_search_ends_at_the_first_setting_that_is_not_certified() -> None:
    assert last_certified(np.array([False, True])) == -1
    assert last_certified(np.array([True, True])) == 1
    assert last_certified(np.array([True, False, True])) == 0


def test_samples_needed() -> None:
    """The smallest n at which no loss at all certifies; one less does not."""
    for needs, certified in ((ltt_needs, ltt_certified), (ucb_needs, ucb_certified), (crc_needs, crc_certified)):
        for risk, delta in ((0.05, 0.1), (0.01, 0.05)):
            n = needs(risk, delta)
            assert certified(np.zeros((1, n)), risk, delta).all()
            assert not certified(np.zeros((1, n - 1)), risk, delta).any()
    assert ltt_needs(0.01, 0.05) == 299
    assert crc_needs(0.01, 0.05) == 99


def test_bounds_are_too_low_as_seldom_as_promised() -> None:
    """1,000 draws of 200 losses with mean 0.1: too low in at most 10% (+ 3 standard errors)."""
    random = np.random.default_rng(0)
    most = 0.1 + 3 * np.sqrt(0.09 / 1000)
    draws = (random.random((1000, 200)) < 0.1).astype(np.float64)
    too_low = ucb_certified(draws, 0.1, 0.1).mean()
    certified = ltt_certified(draws, 0.1, 0.1).mean()
    assert 0.005 < too_low <= most
    assert 0.005 < certified <= most


def test_as_many_samples_as_are_needed_certify() -> None:
    """0.8^2 = 0.64 to the last digit."""
    n = ltt_needs(0.2, 1 - 0.36)
    assert n == 2
    assert ltt_certified(np.zeros((1, n)), 0.2, 1 - 0.36).tolist() == [True]
