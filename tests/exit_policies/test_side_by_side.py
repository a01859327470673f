import numpy as np
import pytest

from overthink.exit_policies.catalogue import named
from overthink.exit_policies.references import REFERENCES, best_draw, oracle, random_exits, realistic, transferred
from overthink.exit_policies.side_by_side import side_by_side
from overthink.exit_policies.trial import Pair, area_costs, at_equal_cost, trial
from overthink.inference.budget_oracle import budget_oracle
from overthink.inference.oracle import upper_bound
from overthink.predictions.absent import needed
from overthink.predictions.common_samples import at_rows
from support.random_exits import made_up

PAIRS = [Pair(made_up(300, "val", seed), made_up(200, "test", seed)) for seed in range(3)]
BUDGETS = np.array([1200.0, 2000.0, 3000.0, 4000.0])


def test_at_equal_cost_by_hand() -> None:
    """Costs 10 and 20: 12.5 is a quarter of the way; 5 is below, 25 above."""
    right_BN = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = at_equal_cost(right_BN[::-1], np.array([20.0, 10.0]), np.array([12.5, 5.0, 25.0]))
    assert found.tolist() == [[0.75, 0.25], [1.0, 0.0], [0.0, 1.0]]


def test_at_equal_cost_knows_nothing_of_budgets_that_were_too_small() -> None:
    right_BN = np.array([[np.nan, np.nan], [1.0, 0.0], [0.0, 1.0]])
    found = at_equal_cost(right_BN, np.array([np.nan, 10.0, 20.0]), np.array([5.0, 12.5, 25.0]))
    assert found[1:].tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert np.isnan(found[0]).all()


def test_area_costs_are_middles() -> None:
    found = area_costs(np.array([0.0, 32.0]))
    assert found[:2].tolist() == [0.5, 1.5]
    assert len(found) == 32


def test_best_draw_is_the_linear_programme() -> None:
    from scipy.optimize import linprog

    random = np.random.default_rng(0)
    for _ in range(30):
        accuracy_E, cost_E = random.random(4), np.sort(random.random(4))
        budget = random.uniform(cost_E[0], 1.2)
        exact = linprog(-accuracy_E, A_ub=[cost_E], b_ub=[budget], A_eq=[np.ones(4)], b_eq=[1.0], bounds=(0, 1))
        found_E = best_draw(accuracy_E, cost_E, budget)
        assert found_E.sum() == pytest.approx(1)
        assert found_E @ cost_E <= budget + 1e-12
        assert found_E @ accuracy_E == pytest.approx(-float(exact.fun or 0))


def test_the_oracle_is_the_budget_oracle() -> None:
    for pair, found in zip(PAIRS, oracle(PAIRS, BUDGETS), strict=True):
        cost_E = needed(pair.test.cost_E, "costs")
        exact_B = budget_oracle(pair.test.correct_EN, cost_E, BUDGETS)
        assert found.right_BN.mean(axis=1).tolist() == pytest.approx(exact_B.tolist(), abs=1 / 200)
        assert (found.cost_BN.mean(axis=1) * 4000 <= BUDGETS + 1e-6).all()


def test_the_realistic_bound_is_the_upper_bound_where_that_fits() -> None:
    for pair, found in zip(PAIRS, realistic(PAIRS, BUDGETS), strict=True):
        point = upper_bound(pair.test.correct_EN, needed(pair.test.cost_E, "costs"))
        assert point.mean_cost <= 4000
        assert found.right_BN[-1].mean() == pytest.approx(point.accuracy)
        assert found.cost_BN[-1].mean() * 4000 == pytest.approx(point.mean_cost)
        assert np.isnan(found.right_BN[0]).all()


def test_the_curve_of_the_realistic_bound_is_where_that_fits() -> None:
    """From its lowest cost, that of exit 1 and of the last exit for samples without a right one, to the last exit's."""
    found = side_by_side(PAIRS, (), [one for one in REFERENCES if one.name == "realistic-bound"], [1.0], "none")
    never = [float((~pair.test.correct_EN.any(axis=0)).mean()) for pair in PAIRS]
    wanted_A = area_costs(np.array([1000.0, 4000.0])) / 4000
    assert [cost for cost, _ in found.rows[0].curve] == wanted_A[wanted_A >= 0.25 + 0.75 * max(never)].tolist()
    assert found.rows[0].curve[-1][1] == pytest.approx(found.rows[0].at[0].accuracy.value)


def test_an_oracle_that_is_taken_over_is_that_of_the_other_training() -> None:
    a, b = PAIRS[:2]
    found = transferred([a, b], np.array([4000.0]))[0].right_BN[0]
    first_N = np.where(b.test.correct_EN.any(axis=0), b.test.correct_EN.argmax(axis=0), 0)
    assert found.tolist() == a.test.correct_EN[first_N, np.arange(200)].astype(float).tolist()
    with pytest.raises(ValueError, match="needs two runs of a group"):
        transferred([a], BUDGETS)


def test_random_exits_spend_the_budget_at_most() -> None:
    for found in random_exits(PAIRS, BUDGETS):
        assert (found.cost_BN.mean(axis=1) * 4000 <= BUDGETS + 1e-6).all()


def test_overthinking_adds_up() -> None:
    """Accuracy is that of the last exit, plus what is avoided, minus what leaves too early."""
    found = side_by_side(
        PAIRS, [named("max-softmax"), named("product"), named("static")], REFERENCES, (0.5, 0.8), "max-softmax"
    )
    assert [row.name for row in found.rows][-1] == "oracle"
    for row in found.rows:
        for at in row.at:
            if not np.isnan(at.accuracy.value):
                expected = found.last.value + at.avoided.value - at.too_early.value
                assert at.accuracy.value == pytest.approx(expected)


def test_a_run_by_hand() -> None:
    """What a row says of one run, counted."""
    policy, pair = named("max-softmax"), PAIRS[0]
    (row,) = side_by_side([pair], [policy], [], (0.6,), "max-softmax").rows
    taken = policy.fit(pair.validation).at(2400.0).offline(pair.test)
    correct_EN = pair.test.correct_EN
    passed_N = np.array([correct_EN[: exit + 1, n].any() for n, exit in enumerate(taken.exit_N)])
    at = row.at[0]
    assert at.accuracy.value == taken.right_N.mean()
    assert at.cost == taken.cost_N.mean() / 4000
    assert at.avoided.value == (taken.right_N & ~correct_EN[-1]).mean()
    assert at.overthought is not None
    assert at.overthought.value == (passed_N & ~taken.right_N).mean()
    assert row.anytime is not None
    from overthink.metrics.overthinking import overthinking_rate

    assert row.anytime.value == overthinking_rate(correct_EN)
    assert row.against is None


def test_differences_are_paired_and_holm_adjusts_them() -> None:
    from overthink.statistics.paired_tests import holm, paired_t

    names = ["max-softmax", "static", "product"]
    found = side_by_side(PAIRS, [named(name) for name in names], REFERENCES, (0.5,), "max-softmax")
    rows = {row.name: row for row in found.rows}
    assert rows["max-softmax"].against is None
    assert rows["oracle"].against is None  # it knows the labels
    compared = ["static", "product", "random"]
    for name in compared:
        against, area, base = rows[name].against, rows[name].area, rows["max-softmax"].area
        assert against is not None
        assert area is not None
        assert base is not None
        assert against.difference.value == pytest.approx(area.value - base.value)
    assert {name for name, row in rows.items() if row.against} == {*compared}
    assert holm([0.01], 1)[0].p == 0.01
    assert paired_t([0.1, 0.2]) is not None


def test_no_difference_seen_may_be_one_to_either_side() -> None:
    """Of two classes, the largest softmax value and its margin send the same samples away."""
    pairs = [Pair(*(made_up(300, split, seed, classes=2) for split in ("val", "test"))) for seed in range(2)]
    found = side_by_side(pairs, [named("max-softmax"), named("margin")], [], (0.5,), "max-softmax")
    against = found.rows[1].against
    assert against is not None
    assert against.difference.value == 0
    assert against.difference.low == pytest.approx(-0.0122, abs=1e-4)
    assert against.difference.high == pytest.approx(0.0122, abs=1e-4)


def test_a_policy_that_cannot_be_fitted_is_left_out_with_a_sentence() -> None:
    validation = PAIRS[0].validation
    assert validation.labels_N is not None
    without = at_rows(validation, np.flatnonzero(validation.labels_N != 2))
    found = side_by_side(
        [Pair(without, PAIRS[0].test)], [named("classwise"), named("static")], REFERENCES[1:2], (0.5,), "static"
    )
    assert [row.name for row in found.rows] == ["static"]
    assert found.problems[0].startswith("classwise: class 2 never occurs in the validation data")
    assert found.problems[1].startswith("cross-training: the oracle of another training needs two runs")


def test_budgets_below_exit_one_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a budget of 20% of the last exit's cost is below the cost of exit 1, 25%"):
        side_by_side(PAIRS, [named("static")], [], (0.5, 0.2), "static")


def test_what_spends_nothing_saves_all() -> None:
    """A network whose exit 1 is as right as its last: no loss at exit 1's cost, 3/4 saved."""
    one = made_up(200, "val")
    assert one.logits_ENC is not None
    assert one.labels_N is not None
    zeros_N = np.zeros(200, dtype=np.int64)
    alike = type(one).from_logits(
        one.logits_ENC[[0, 0, 0]], one.labels_N, one.ids_N, zeros_N, (), [1000, 2500, 4000], "", "val", True
    )
    found = trial(named("max-softmax-direct"), Pair(alike, alike), BUDGETS)
    assert found.no_loss is not None
    assert found.no_loss.saved_N.mean() == 0.75
