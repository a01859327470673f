from dataclasses import replace

import numpy as np
import pytest

from overthink.exit_policies.catalogue import BUILT_IN, TABLE, named, policies
from overthink.exit_policies.policy import Point
from overthink.exit_policies.rules import at_exits
from overthink.exit_policies.scoring import scores
from overthink.exit_policies.seen import seen_by_exits
from overthink.inference.budgeted import QUARTERS, accuracy_at_shares, budgeted_batch, lookup_table
from overthink.inference.confidence import CRITERIA
from overthink.predictions.absent import AbsentError
from overthink.predictions.arrays import IntArray
from overthink.predictions.predictions import Predictions
from support.random_exits import made_up

NAMES = [policy.name for policy in BUILT_IN]
VALIDATION, TEST = made_up(400, "val"), made_up(300, "test")


def leave_one_by_one(point: Point, test: Predictions) -> tuple[IntArray, IntArray]:
    """Return exit and answer of each sample, run as a network would: those that leave are gone, in batches of 7."""
    assert test.logits_ENC is not None
    exit_N, answer_N = np.full(len(test.ids_N), -1), np.full(len(test.ids_N), -1)
    for first in range(0, len(test.ids_N), 7):
        rows_M, online = np.arange(first, min(first + 7, len(test.ids_N))), point.online()
        for row in range(test.n_exits):
            decided = online.step(test.logits_ENC[row, rows_M])
            exit_N[rows_M[decided.leaves_M]] = row
            answer_N[rows_M[decided.leaves_M]] = decided.answer_M[decided.leaves_M]
            stays_M = np.flatnonzero(~decided.leaves_M)
            if not len(stays_M):
                break
            online.keep(stays_M)
            rows_M = rows_M[stays_M]
        else:
            raise AssertionError("samples were left after the last exit")
    return exit_N, answer_N


@pytest.mark.parametrize("name", NAMES)
def test_the_table_and_a_real_early_exit_do_not_differ(name: str) -> None:
    curve = named(name).fit(VALIDATION)
    exits_seen: set[int] = set()
    for budget in (2000.0, 2600.0, 3300.0):
        point = curve.at(budget)
        offline = point.offline(TEST)
        exit_N, answer_N = leave_one_by_one(point, TEST)
        assert exit_N.tolist() == offline.exit_N.tolist()
        assert (answer_N == TEST.labels_N).tolist() == offline.right_N.tolist()
        assert offline.cost_N.tolist() == point.cost_E[exit_N].tolist()
        exits_seen |= {*exit_N.tolist()}
    assert len(exits_seen) > 1  # else nothing was tested


@pytest.mark.parametrize("name", NAMES)
def test_budgets_are_kept_on_validation_data_and_points_say_what_they_do(name: str) -> None:
    curve = named(name).fit(VALIDATION)
    for budget in (1000.0, 1800.0, 4100.0):
        point = curve.at(budget)
        taken = point.offline(VALIDATION)
        assert point.mean_cost <= budget
        if name not in ("logistic", "boosted"):  # whose points are chosen on held-out scores
            assert (taken.right_N.mean(), taken.cost_N.mean()) == pytest.approx((point.accuracy, point.mean_cost))


@pytest.mark.parametrize("name", [*CRITERIA])
def test_the_thesis_rules_are_those_of_budgeted_batches(name: str) -> None:
    """The same thresholds, exits and choice for a budget as the metrics `budgeted/...` have."""
    curve, batch = named(name).fit(VALIDATION), budgeted_batch(lookup_table(VALIDATION, name), TEST)
    expected = accuracy_at_shares(batch)
    whole = float(batch.table.cost_E[-1])
    assert len(expected) >= 3
    for share in QUARTERS:
        if share in expected:
            assert curve.at(share * whole).offline(TEST).right_N.mean() == expected[share]


def test_a_policy_that_nothing_fits_leaves_at_exit_one_unasked() -> None:
    point = named("mean").fit(VALIDATION).at(1000.0)
    assert point.offline(TEST).exit_N.max() == 0
    assert point.mean_cost == 1000


def test_a_budget_below_exit_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"budget of 900 MUL-ADDs per sample is below the cost of exit 1, 1,000"):
        named("max-softmax").fit(VALIDATION).at(900.0)


def test_the_cost_of_the_policy_counts() -> None:
    """4 classes: a mean of exits adds 4 at exits 2 and 3; Zero-Time-Waste multiplies 4, 8, 12; patience counts."""
    own = {
        "patience": [0, 0, 0],
        "mean": [0, 4, 8],
        "zero-time-waste": [4, 12, 24],
        "temperature": [4, 8, 8],
        "jei-dnn": [42, 84, 84],
        "logistic": [17, 34, 34],
        "eenet": [6, 13, 13],
    }
    for name, extra in own.items():
        (cost_E, *_) = [point.cost_E for point in named(name).fit(VALIDATION).points]
        assert cost_E.tolist() == [1000 + extra[0], 2500 + extra[1], 4000 + extra[2]], name


def test_costs_that_are_no_mul_adds_have_none_added() -> None:
    relative = replace(VALIDATION, cost_E=np.array([0.25, 0.6, 1.0]), cost_unit="relative")
    assert named("mean").fit(relative).points[0].cost_E.tolist() == [0.25, 0.6, 1.0]


def test_a_budget_that_is_met_exactly_is_not_missed_by_rounding() -> None:
    """The mean of a thousand costs of 0.4 is above 0.4."""
    validation = replace(made_up(1000, "val"), cost_E=np.array([0.2, 0.4, 1.0]), cost_unit="relative")
    assert np.full(1000, 0.4).mean() > 0.4
    for row, budget in enumerate((0.2, 0.4, 1.0)):
        assert named("static").fit(validation).at(budget).offline(validation).exit_N.tolist() == [row] * 1000
    table = lookup_table(validation, "patience")
    assert table.taken_PE[table.fitting(0.2)].tolist() == [1, 0, 0]


def test_what_is_absent_is_said() -> None:
    without = made_up(100, "val", keep_logits=False)
    with pytest.raises(AbsentError, match="logits are needed, which"):
        named("product").fit(without)
    assert named("logistic").fit(without).at(3000.0).offline(made_up(50, "test", keep_logits=False)).exit_N.max() > 0


def test_without_loss_is_as_accurate_as_the_last_exit_on_validation_data() -> None:
    curve = named("max-softmax-direct").fit(VALIDATION)
    cheapest = curve.without_loss()
    last = VALIDATION.correct_EN[-1].mean()
    assert cheapest.accuracy >= last
    assert all(point.mean_cost >= cheapest.mean_cost for point in curve.points if point.accuracy >= last)
    nothing = replace(curve, points=curve.points[:1])
    assert nothing.without_loss() is (curve.last_exit if curve.points[0].accuracy < last else curve.points[0])


def test_names() -> None:
    assert len(NAMES) == len(set(NAMES)) == len(policies())
    assert {*TABLE} <= {*NAMES}
    with pytest.raises(ValueError, match="no exit policy is named 'max_softmaks'; did you mean 'max-softmax'"):
        named("max_softmaks")
    assert named("max_softmax") is named("max-softmax")


def test_scores_without_logits_are_the_stored_ones() -> None:
    """A stored run without logits and one with them give the same scores, bit for bit."""
    with_logits, without = made_up(80, "test"), made_up(80, "test", keep_logits=False)
    for name in ("max-softmax", "entropy", "top2-ratio", "margin", "patience", "logistic"):
        scorer = named(name).fit(VALIDATION).points[0].scorer
        one, other = (scores(scorer, seen_by_exits(p)).sure_EN for p in (with_logits, without))
        assert one.tobytes() == other.tobytes(), name


def test_at_exits() -> None:
    assert at_exits(np.array([[True, False], [False, True]]), np.array([1, 1])).tolist() == [False, True]
