"""EENet's schedule: its gradient, against all schedules of a grid, and what prices do."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import fmin_l_bfgs_b
from scipy.special import softmax

from overthink.exit_policies.eenet_schedule import BETA, PRICES, Schedule, schedules
from overthink.exit_policies.policy import Material
from overthink.exit_policies.scoring import Scores
from overthink.predictions.arrays import BoolArray, FloatArray

COST_E = np.array([1.0, 2.0, 4.0])


def made_up(n: int = 200, same_scores: bool = False) -> tuple[FloatArray, BoolArray]:
    """Scores at three exits, and whether these are right: with the chance that the score is."""
    rng = np.random.default_rng(0)
    score_EN = rng.uniform(0.1, 0.9, (3, n))
    if same_scores:
        score_EN = np.repeat([[0.4], [0.6], [0.8]], n, axis=1)
    return score_EN, rng.uniform(size=(3, n)) < score_EN


def test_the_gradient_is_that_of_the_loss() -> None:
    schedule = Schedule(*made_up(), COST_E)
    theta = np.random.default_rng(1).normal(size=schedule.size)
    _, gradient = schedule.loss_and_gradient(theta, 0.3)
    for place, step in enumerate(1e-5 * np.eye(schedule.size)):
        above, below = (schedule.loss_and_gradient(theta + sign * step, 0.3)[0] for sign in (1, -1))
        assert gradient[place] == pytest.approx((above - below) / 2e-5, abs=1e-7)


@pytest.mark.parametrize("price", [1e-3, 1e-2])
def test_scores_that_tell_nothing_leave_the_best_equal_shares(price: float) -> None:
    """Where all scores of an exit are equal, so are the shares: no ratings of a fine grid have a lower loss."""
    score_EN, right_EN = made_up(same_scores=True)
    schedule = Schedule(score_EN, right_EN, COST_E)
    theta, least, _ = fmin_l_bfgs_b(schedule.loss_and_gradient, np.zeros(schedule.size), args=(price,), pgtol=1e-9)
    q_E = np.array([0.4, 0.6, right_EN[-1].mean()])
    target_E, of_scores = q_E / q_E.sum(), schedule.loss_NE.mean()
    share_SE = softmax(np.array([*product(np.linspace(0, 1, 51), repeat=3)]), axis=1)
    divergence_S = (target_E * np.log(target_E / share_SE)).sum(axis=1)
    loss_S = of_scores + BETA * divergence_S + price * share_SE @ (COST_E / 4)
    assert least == pytest.approx(loss_S.min(), abs=1e-5)
    assert schedule.shares_E(theta) == pytest.approx(share_SE[loss_S.argmin()], abs=0.01)


def test_a_higher_price_sends_samples_to_earlier_exits() -> None:
    """As far as the shares' bounds allow: e / (e + 2) at the first of three exits, by Algorithm 1."""
    score_EN, right_EN = made_up(1000)
    rules = schedules(Material(Scores(score_EN, None), right_EN, COST_E))
    assert len(rules) == len(PRICES)
    at_first = [(score_EN[0] >= rule.threshold_E[0]).mean() for rule in rules]
    assert at_first[0] < 0.45
    assert at_first[-1] == pytest.approx(np.e / (np.e + 2), abs=2e-3)
    assert np.diff(at_first).min() > -0.02
