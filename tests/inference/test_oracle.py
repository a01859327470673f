import numpy as np
import pytest

from overthink.inference.oracle import (
    deepest,
    expected_anytime,
    oracle,
    uniform_budgets,
    upper_bound,
)

# samples:              0  1  2  3  4  5
RIGHT_EN = np.array([[1, 1, 1, 0, 0, 0], [1, 0, 1, 1, 0, 0], [1, 1, 0, 0, 1, 0]], dtype=np.bool_)
COST_E = np.array([10, 25, 60])


def test_hand_worked_points() -> None:
    assert oracle(RIGHT_EN, COST_E) == pytest.approx((5 / 6, (10 + 10 + 10 + 25 + 60 + 0) / 6))
    assert upper_bound(RIGHT_EN, COST_E) == pytest.approx((5 / 6, (10 + 10 + 10 + 25 + 60 + 60) / 6))


@pytest.mark.parametrize("seed", range(20))
def test_against_a_loop_over_samples(seed: int) -> None:
    random = np.random.default_rng(seed)
    n_exits, n_samples = int(random.integers(1, 6)), int(random.integers(1, 50))
    correct_EN = random.random((n_exits, n_samples)) < random.random()
    cost_E = np.cumsum(random.integers(1, 1000, n_exits))
    solved, oracle_cost, bound_cost = 0, 0, 0
    for sample in range(n_samples):
        right_exits = [i for i in range(n_exits) if correct_EN[i, sample]]
        solved += bool(right_exits)
        oracle_cost += int(cost_E[right_exits[0]]) if right_exits else 0
        bound_cost += int(cost_E[right_exits[0] if right_exits else n_exits - 1])
    assert oracle(correct_EN, cost_E) == pytest.approx((solved / n_samples, oracle_cost / n_samples))
    assert upper_bound(correct_EN, cost_E) == pytest.approx((solved / n_samples, bound_cost / n_samples))


@pytest.mark.parametrize("n_exits", [1, 3])
def test_all_right_and_all_wrong(n_exits: int) -> None:
    cost_E = COST_E[:n_exits]
    right_EN = np.ones((n_exits, 1), dtype=np.bool_)
    assert oracle(right_EN, cost_E) == upper_bound(right_EN, cost_E) == (1, 10)
    assert oracle(~right_EN, cost_E) == (0, 0)
    assert upper_bound(~right_EN, cost_E) == (0, cost_E[-1])


def test_large_costs_do_not_overflow() -> None:
    right_EN = np.ones((2, 50_000), dtype=np.bool_)
    huge_E = np.array([2**62, 2**62 + 1])
    assert oracle(right_EN, huge_E).mean_cost == pytest.approx(2.0**62)


def test_uniform_budgets_are_the_limit_of_many_budgets() -> None:
    """By hand: from 10 to 60, exit 1 is the deepest for 15 of 50, exit 2 for 35, exit 3 for none but the very last."""
    value_E = np.array([0.5, 0.7, 0.9])
    exact = expected_anytime(value_E, COST_E, *uniform_budgets(COST_E))
    assert exact == pytest.approx((15 * 0.5 + 35 * 0.7) / 50)
    many_M = np.linspace(10, 60, 100_001)
    assert expected_anytime(value_E, COST_E, many_M, np.ones(len(many_M))) == pytest.approx(exact, abs=1e-4)
    assert expected_anytime(np.array([0.4]), COST_E[:1], *uniform_budgets(COST_E[:1])) == 0.4


def test_a_budget_that_is_an_exit_s_cost_to_the_digit_allows_it() -> None:
    """0.1 + 0.2 is more than 0.3."""
    assert deepest(np.array([0.1, 0.1 + 0.2, 1.0]), np.array([0.3, 0.1])).tolist() == [1, 0]
