import numpy as np
import pytest

from overthink.inference.budget_oracle import budget_oracle
from overthink.predictions.arrays import BoolArray, IntArray
from overthink.study.confidence_rule import confidence_rule
from overthink.study.transferred_oracle import transferred_oracle, upgraded
from support.noise import predictions as noise
from support.worlds import WORLDS, correct, difficulty_only, tied_exits

COST_E = np.array([10, 20, 40])


def brute_force(correct_REN: BoolArray, cost_E: IntArray, budget: float) -> tuple[float, float, float]:
    """Return cost, and accuracy in the same and in another training, sample by sample, cheapest upgrades first."""
    repeats, n_exits, n = correct_REN.shape
    costs: list[float] = []
    own: list[float] = []
    others: list[float] = []
    for a in range(repeats):
        part_EN = np.zeros((n_exits, n))
        part_EN[0] = 1
        left = (budget - cost_E[0]) * n
        for e in range(1, n_exits):
            first = [k for k in range(n) if correct_REN[a, e, k] and not correct_REN[a, :e, k].any()]
            share = min(1.0, left / (len(first) * (cost_E[e] - cost_E[0]))) if first else 0.0
            part_EN[0, first], part_EN[e, first] = 1 - share, share
            left -= share * len(first) * (cost_E[e] - cost_E[0])
        costs.append((part_EN.T @ cost_E).mean())
        for b in range(repeats):
            (own if a == b else others).append((part_EN * correct_REN[b]).sum() / n)
    return float(np.mean(costs)), float(np.mean(own)), float(np.mean(others))


def test_against_loops_over_samples() -> None:
    random = np.random.default_rng(0)
    correct_REN = correct(difficulty_only(80, random), 3, random)
    for at in transferred_oracle(correct_REN, COST_E).curve:
        assert (at.cost, at.oracle, at.transferred) == pytest.approx(brute_force(correct_REN, COST_E, at.budget))
        assert at.confidence is None


def test_the_oracle_is_the_best_within_a_budget() -> None:
    """Up to the part of one sample that a whole number of samples leaves over."""
    random = np.random.default_rng(0)
    correct_REN = correct(difficulty_only(400, random), 2, random)
    curve = transferred_oracle(correct_REN, COST_E).curve
    best = np.mean([budget_oracle(one_EN, COST_E, np.array([at.budget for at in curve])) for one_EN in correct_REN], 0)
    assert [at.oracle for at in curve] == pytest.approx(best.tolist(), abs=1 / 400)
    assert all(at.cost <= at.budget + 1e-9 for at in curve)
    assert curve[0].budget >= 10


def test_a_budget_that_is_spent_leaves_nothing_to_an_exit_without_samples() -> None:
    """0.24 * 10 for 1.75 spends 2e-16 too much, and exit 3 is nobody's first right exit."""
    part_E = upgraded(np.array([0.5, 0.24, 0.0, 0.1]), np.array([10, 20, 40, 50]), budget=11.75)
    assert np.isfinite(part_E).all()
    assert part_E[3] == 0


def test_no_budget_by_hand() -> None:
    """A leaves at exits 1 and 2, B at 2 and, since it is never right there, at the last."""
    a_EN, b_EN = np.array([[1, 0], [0, 1]], dtype=bool), np.array([[0, 0], [1, 0]], dtype=bool)
    found = transferred_oracle(np.stack([a_EN, b_EN]), COST_E[:2])
    assert found.oracle.value == pytest.approx((2 + 1) / 4)
    assert found.transferred.value == pytest.approx((0 + 0 + 0 + 1) / 4)
    assert found.last.value == pytest.approx((1 + 1) / 4)
    assert found.luck.value == pytest.approx(0.5)
    assert found.over_last.value == pytest.approx(-0.25)


def test_an_oracle_of_equal_trainings_is_no_luck() -> None:
    random = np.random.default_rng(0)
    same_REN = np.repeat(correct(tied_exits(200, random), 1, random), 3, axis=0)
    found = transferred_oracle(same_REN, COST_E)
    assert found.luck == pytest.approx((0, 0, 1 - 0.025 ** (1 / 200)))
    assert all(at.oracle == pytest.approx(at.transferred) for at in found.curve)


@pytest.mark.parametrize("name", WORLDS)
def test_the_truth_lies_in_the_interval(name: str) -> None:
    """Against 40 other trainings on 20,000 other samples of each world."""
    random = np.random.default_rng(5)
    population = WORLDS[name](20_000, random)
    truth = transferred_oracle(correct(population, 40, random), COST_E).luck.value
    inside = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        luck = transferred_oracle(correct(population.samples(500, random), 5, random), COST_E).luck
        assert luck.low is not None
        assert luck.high is not None
        inside += luck.low - 1e-9 <= truth <= luck.high + 1e-9
    assert inside >= 16


def test_part_of_a_group() -> None:
    assert upgraded(np.array([0.5, 0.2, 0.2]), np.array([10, 20, 40]), 10.0).tolist() == [0, 0, 0]
    assert upgraded(np.array([0.5, 0.0, 0.2]), np.array([10, 20, 40]), 50.0).tolist() == [0, 1, 1]


def test_beside_the_confidence_rule() -> None:
    test, val = [noise(seed=s) for s in (2, 3)], [noise(seed=s, split="val") for s in (4, 5)]
    rule = confidence_rule(val, test)
    found = transferred_oracle(np.stack([one.correct_EN for one in test]), test[0].cost_E, rule)
    last = found.curve[-1]
    one, other = rule(0, last.budget), rule(1, last.budget)
    assert one is not None
    assert other is not None
    assert last.confidence == pytest.approx((one + other) / 2)
    assert rule(0, 1.0) is None


def test_one_training_is_refused() -> None:
    with pytest.raises(ValueError, match="another training"):
        transferred_oracle(np.ones((1, 2, 3), dtype=bool), COST_E[:2])
