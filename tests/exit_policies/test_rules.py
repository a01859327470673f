"""Rules against brute force."""

from itertools import product

import numpy as np
import pytest

from overthink.exit_policies import classwise as by_class
from overthink.exit_policies import direct_search as direct
from overthink.exit_policies import optimal_stopping as stopping
from overthink.exit_policies.classwise import best_threshold, check_classes, classwise
from overthink.exit_policies.direct_search import candidates, direct_search
from overthink.exit_policies.policy import Material
from overthink.exit_policies.rules import Rule, Thresholds, at_exits, exits_by
from overthink.exit_policies.scoring import Scores
from overthink.predictions.arrays import BoolArray
from support.random_exits import made_up


def material(n: int, exits: int, seed: int, classes: int | None = None) -> Material:
    random = np.random.default_rng(seed)
    sure_EN = random.integers(0, 6, (exits, n)) / 5  # ties on purpose
    right_EN = random.random((exits, n)) < 0.2 + 0.5 * sure_EN
    answer_EN = None if classes is None else random.integers(0, classes, (exits, n))
    return Material(Scores(sure_EN, answer_EN), right_EN, np.linspace(0.3, 1.0, exits))


def value(given: Material, rule: Rule, price: float) -> float:
    exit_N = exits_by(rule, given.scores)
    return float((at_exits(given.right_EN, exit_N) - price * given.cost_E[exit_N] / given.cost_E[-1]).mean())


def best_by_trying(given: Material, price: float) -> float:
    choices = [[*np.unique(sure_N), np.inf] for sure_N in given.scores.sure_EN[:-1]]
    return max(value(given, Thresholds(np.array([*limits, -np.inf])), price) for limits in product(*choices))


@pytest.mark.parametrize("seed", range(6))
def test_direct_search_finds_what_trying_all_thresholds_finds(seed: int) -> None:
    """Two exits have one threshold, so that the search is exact; three have as many local optima as starts find."""
    for exits in (2, 3):
        given = material(40, exits, seed)
        rules = direct_search(given)
        for price in direct.PRICES[::4]:
            found = max(value(given, rule, price) for rule in rules)
            assert found == pytest.approx(best_by_trying(given, price), abs=1e-9)


def test_no_single_threshold_improves_on_what_the_search_finds() -> None:
    given = material(300, 4, seed=1)
    rules = direct_search(given)
    for price in direct.PRICES[1::5]:
        best = rules[int(np.argmax([value(given, rule, price) for rule in rules]))]
        for row in range(3):
            for limit in [*candidates(given.scores.sure_EN[row]), np.inf]:
                other_E = best.threshold_E.copy()
                other_E[row] = limit
                assert value(given, Thresholds(other_E), price) <= value(given, best, price) + 1e-9


def test_few_candidates_of_many_scores() -> None:
    assert candidates(np.array([0.3, 0.1, 0.3])).tolist() == [0.1, 0.3]
    many = candidates(np.random.default_rng(0).random(5000))
    assert len(many) <= direct.CANDIDATES
    assert (np.diff(many) > 0).all()


@pytest.mark.parametrize("price", [0.0, 0.2, 0.6, 2.0])
def test_optimal_stopping_finds_what_trying_all_rules_finds(price: float) -> None:
    """3 exits of 2 bins with known transitions: the expected value of each of the 2^4 rules."""
    random = np.random.default_rng(3)
    accuracy_EB, extra_E = random.random((3, 2)), np.array([0.3, 0.4])
    move_EBB = random.dirichlet([1, 1], size=(2, 2))
    start_B = np.array([0.4, 0.6])

    def expected(stop_EB: BoolArray) -> float:
        value_B = accuracy_EB[2]
        for row in (1, 0):
            going_on_B = move_EBB[row] @ value_B - price * extra_E[row]
            value_B = np.where(stop_EB[row], accuracy_EB[row], going_on_B)
        return float(start_B @ value_B)

    found_EB = stopping.stops_for(accuracy_EB, move_EBB, extra_E, price)
    everything = [np.array(bits).reshape(2, 2) for bits in product([True, False], repeat=4)]
    assert expected(found_EB) == pytest.approx(max(map(expected, everything)))
    assert found_EB[-1].all()


def test_optimal_stopping_by_hand() -> None:
    """Exit 1 knows: of scores 0 (wrong here, right later) and 1 (right here, wrong later), only the second leaves."""
    n = 400
    high_N = np.arange(n) % 2 == 1
    sure_EN = np.stack([high_N.astype(float), high_N.astype(float)])
    right_EN = np.stack([high_N, ~high_N])
    rules = stopping.optimal_stopping(Material(Scores(sure_EN, None), right_EN, np.array([0.5, 1.0])))
    exits = [exits_by(rule, Scores(sure_EN, None)) for rule in rules]
    best = max(exits, key=lambda exit_N: at_exits(right_EN, exit_N).mean())
    assert best.tolist() == np.where(high_N, 0, 1).tolist()


def test_best_threshold_against_trying_all() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        sure_M, gain_M = random.integers(0, 5, 12) / 4, random.normal(size=12)
        limits = [*np.unique(sure_M), np.inf]
        best = max(float(gain_M[sure_M >= limit].sum()) for limit in limits)
        assert gain_M[sure_M >= best_threshold(sure_M, gain_M)].sum() == pytest.approx(best)


def test_classwise_thresholds_find_a_class_that_the_first_exit_knows() -> None:
    """Confidence means nothing but for class 1: there, exit 1 is right; elsewhere only exit 2 is."""
    random = np.random.default_rng(0)
    n = 900
    answer_EN = np.stack([random.integers(0, 3, n)] * 2)
    sure_EN = np.stack([random.random(n)] * 2)
    right_EN = np.stack([answer_EN[0] == 1, answer_EN[0] != 1])
    given = Material(Scores(sure_EN, answer_EN), right_EN, np.array([0.4, 1.0]))
    best = max(classwise(given), key=lambda rule: value(given, rule, 0.0))
    assert value(given, best, 0.0) == 1
    common = max(value(given, rule, 0.0) for rule in direct_search(given))
    assert common < 0.7
    assert best.leaves(0, np.array([0.5]), np.array([17])).shape == (1,)  # a class that was never predicted


def test_classwise_thresholds_do_not_follow_chance() -> None:
    """Where classes do not differ, few have a threshold of their own."""
    given = material(600, 3, seed=5, classes=10)
    rules = [rule for rule in classwise(given) if isinstance(rule, by_class.ClasswiseThresholds)]
    own = [np.mean([len(np.unique(row_C)) > 1 for row_C in rule.threshold_EC[:-1]]) for rule in rules]
    spread = np.mean([len(np.unique(row_C)) - 1 for rule in rules for row_C in rule.threshold_EC[:-1]])
    assert spread < 2
    assert min(own) == 0


def test_a_class_that_never_occurs_is_named() -> None:
    from overthink.predictions.common_samples import at_rows

    validation = made_up(100, "val")
    assert validation.labels_N is not None
    check_classes(validation)
    with pytest.raises(ValueError, match="class 2 never occurs in the validation data"):
        check_classes(at_rows(validation, np.flatnonzero(validation.labels_N != 2)))
