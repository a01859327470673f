import time
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from overthink.inference.budget_oracle import budget_oracle
from overthink.inference.budgeted import accuracy_at_shares, area_under_curve, budgeted_batch, lookup_table
from overthink.inference.confidence import CRITERIA, confidence
from overthink.inference.oracle import expected_anytime
from overthink.inference.patience import agreement_streak
from overthink.inference.thresholds import exits_taken
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions
from support.noise import TEST, VAL, predictions


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_row_against_a_loop_over_samples(criterion: str) -> None:
    table = lookup_table(VAL, criterion)
    batch = budgeted_batch(table, TEST)
    sure_EN = confidence(TEST, criterion)
    for p in (0, 10, 19, 38) if criterion != "patience" else range(4):
        right = cost = recovered = overthought = 0
        for n in range(len(TEST.ids_N)):
            row = next(i for i in range(4) if i == 3 or sure_EN[i, n] >= table.threshold_PE[p, i])
            marks = TEST.correct_EN[:, n].tolist()
            right, cost = right + marks[row], cost + int(needed(TEST.cost_E, "costs")[row])
            if any(marks[i] and not marks[j] for i in range(4) for j in range(i + 1, 4)):
                overthought, recovered = overthought + 1, recovered + marks[row]
        assert batch.accuracy_P[p] == pytest.approx(right / 60)
        assert batch.mean_cost_P[p] == pytest.approx(cost / 60)
        assert batch.recovered_P[p] == pytest.approx(recovered / overthought)


def test_the_budget_is_chosen_on_validation_data_alone() -> None:
    table = lookup_table(VAL)
    for budget in (14.0, 20.0, 46.0):
        row = table.fitting(budget)
        allowed = [p for p in range(39) if table.mean_cost_P[p] <= budget]
        assert row in allowed
        assert table.accuracy_P[row] == max(table.accuracy_P[p] for p in allowed)
        assert budgeted_batch(table, TEST).accuracy_at(budget) == budgeted_batch(table, TEST).accuracy_P[row]
    with pytest.raises(ValueError, match="a budget of 9 MUL-ADDs per sample is below the cost of the cheapest"):
        table.fitting(9.0)


def test_costs_grow_with_p() -> None:
    table = lookup_table(predictions(2000, seed=3, split="val"))
    assert (np.diff(table.mean_cost_P) >= -1e-9).all()
    assert table.mean_cost_P[19] == pytest.approx(
        needed(VAL.cost_E, "costs").mean(), rel=1e-3
    )  # p = b: every exit alike


def test_the_area_against_a_fine_grid_of_budgets() -> None:
    batch = budgeted_batch(lookup_table(VAL), TEST)
    cheapest, last = batch.table.mean_cost_P.min(), float(needed(VAL.cost_E, "costs")[-1])
    middles = cheapest + (np.arange(20_000) + 0.5) / 20_000 * (last - cheapest)
    assert area_under_curve(batch) == pytest.approx(np.mean([batch.accuracy_at(b) for b in middles]), abs=1e-4)
    shares = accuracy_at_shares(batch)
    assert set(shares) == {0.25, 0.5, 0.75, 1.0}
    assert shares[1.0] == batch.accuracy_at(last)


def test_one_exit_and_one_sample() -> None:
    one = predictions(1, 1, split="val")
    batch = budgeted_batch(lookup_table(one), predictions(1, 1))
    assert batch.mean_cost_P.tolist() == [10.0] * 39
    assert area_under_curve(batch) in (0.0, 1.0)
    assert np.isnan(batch.recovered_P).all()


def test_ten_thousand_samples_take_well_under_a_second() -> None:
    val, test = predictions(10_000, 5, 100, seed=5, split="val"), predictions(10_000, 5, 100, seed=6)
    started = time.process_time()
    budgeted_batch(lookup_table(val), test)
    assert time.process_time() - started < 1.0


def test_the_budget_oracle_by_hand() -> None:
    """Costs 10, 25, 60; first right: exit 1, exit 2, exit 3, never. Upgrades cost 15 and 50 for one sample of four."""
    correct_EN = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0]], dtype=bool)
    cost_E = np.array([10, 25, 60])
    budgets_P = np.array([9.9, 10.0, 13.7, 13.75, 26.2, 26.25, 1000.0])
    expected = [np.nan, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75]
    np.testing.assert_array_equal(budget_oracle(correct_EN, cost_E, budgets_P), expected)


@pytest.mark.parametrize("seed", range(30))
def test_the_budget_oracle_against_every_assignment(seed: int) -> None:
    random = np.random.default_rng(seed)
    n_exits, n_samples = int(random.integers(1, 4)), int(random.integers(1, 5))
    correct_EN = random.random((n_exits, n_samples)) < 0.5
    cost_E = np.cumsum(random.integers(1, 20, n_exits))
    budgets_P = random.uniform(cost_E[0], cost_E[-1] + 5, 6)
    for budget, ours in zip(budgets_P, budget_oracle(correct_EN, cost_E, budgets_P), strict=True):
        best = max(
            sum(correct_EN[row, n] for n, row in enumerate(rows))
            for rows in product(range(n_exits), repeat=n_samples)
            if sum(cost_E[row] for row in rows) <= budget * n_samples
        )
        assert ours == pytest.approx(best / n_samples)


def test_the_budget_oracle_bounds_every_policy() -> None:
    batch = budgeted_batch(lookup_table(VAL), TEST)
    bound_P = budget_oracle(TEST.correct_EN, needed(TEST.cost_E, "costs"), batch.mean_cost_P)
    assert (batch.accuracy_P <= bound_P + 1e-12).all()


def test_patience_by_hand() -> None:
    predicted_EN = np.array([[1, 2], [1, 3], [1, 3], [0, 3]])
    streak_EN = agreement_streak(predicted_EN)
    assert streak_EN.T.tolist() == [[1, 2, 3, 1], [1, 1, 2, 3]]
    assert exits_taken(streak_EN, np.full(4, 2.0)).tolist() == [1, 2]


def agreeing(predicted_E: list[int], k: int) -> int:
    """Return the row of the first exit whose last k predictions agree, else of the last exit."""
    for row in range(k - 1, len(predicted_E)):
        if len({*predicted_E[row - k + 1 : row + 1]}) == 1:
            return row
    return len(predicted_E) - 1


def test_patience_has_a_row_for_every_number_of_agreeing_exits() -> None:
    table = lookup_table(VAL, "patience")
    batch = budgeted_batch(table, TEST)
    for k in range(1, 5):
        rows = np.array([agreeing(predicted_E, k) for predicted_E in needed(VAL.predicted_EN, "classes").T.tolist()])
        assert table.mean_cost_P[k - 1] == pytest.approx(needed(VAL.cost_E, "costs")[rows].mean())
        assert table.accuracy_P[k - 1] == pytest.approx(VAL.correct_EN[rows, np.arange(60)].mean())
        assert table.taken_PE[k - 1].tolist() == pytest.approx([(rows == row).mean() for row in range(4)])
        assert batch.exit_PN[k - 1].tolist() == [
            agreeing(predicted_E, k) for predicted_E in needed(TEST.predicted_EN, "classes").T.tolist()
        ]
    assert table.q_PE is None
    assert not table.tied_PE.any()
    assert table.taken_PE[[0, 3]].tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]


def test_a_budget_for_patience_is_more_than_exit_1() -> None:
    """Exits agree from exit 2 on, and are right there; exit 1 is always wrong. k = 3 costs more and gains nothing."""
    logits_ENC = np.zeros((4, 10, 2), dtype=np.float32)
    logits_ENC[0, :, 1], logits_ENC[1:, :, 0] = 1, 1
    zeros_N = np.zeros(10, dtype=np.int64)
    held = Predictions.from_logits(
        logits_ENC,
        labels_N=zeros_N,
        ids_N=np.arange(10),
        levels_N=zeros_N,
        level_names=(),
        cost_E=np.array([10, 20, 30, 40]),
        fingerprint="test",
        split="val",
        keep_logits=False,
    )
    table = lookup_table(held, "patience")
    assert [table.fitting(budget) + 1 for budget in (10.0, 29.9, 30.0, 40.0)] == [1, 1, 2, 2]
    assert table.mean_cost_P.tolist() == [10, 30, 40, 40]
    assert table.accuracy_P.tolist() == [0, 1, 1, 1]


def test_ties_are_where_no_threshold_gives_the_share() -> None:
    """Confidences of exit 1 in tenths: a threshold lets all of a tenth leave, or none."""
    sure_EN = np.maximum(needed(VAL.max_softmax_EN, "confidence"), 0)
    sure_EN[0] = np.round(sure_EN[0], 1)
    tied = lookup_table(replace(VAL, max_softmax_EN=sure_EN))
    assert not lookup_table(VAL).tied_PE.any()
    assert tied.q_PE is not None
    for p, q_E in enumerate(tied.q_PE):
        possible = {0.0, *((sure_EN[0] >= limit).mean() for limit in sure_EN[0])}
        asked = int(60 * q_E[0] + 1e-9) / 60
        assert bool(tied.tied_PE[p, 0]) == (not np.isclose(asked, list(possible)).any())
        assert tied.taken_PE[p, 0] == pytest.approx(min(share for share in possible if share >= asked - 1e-9))
    assert tied.tied_PE[:, 0].any()
    assert not tied.tied_PE[:, -1].any()


def test_the_expected_loss_by_hand() -> None:
    """Exits cost 10, 25, 60 and lose 3, 2, 1; budgets 10, 30, 100 come with weights 1, 1, 2."""
    loss_E, cost_E = np.array([3.0, 2.0, 1.0]), np.array([10, 25, 60])
    weights = np.array([1.0, 1.0, 2.0])
    assert expected_anytime(loss_E, cost_E, np.array([10.0, 30.0, 100.0]), weights) == (3 + 2 + 2 * 1) / 4
    with pytest.raises(ValueError, match="a budget of 9 MUL-ADDs is below the cost of exit 1, 10"):
        expected_anytime(loss_E, cost_E, np.array([9.0]), np.ones(1))


def test_a_budget_that_nothing_fits_is_left_out() -> None:
    """Exits cost 10 and 21: a quarter of the last one's cost is less than exit 1 takes."""
    batch = budgeted_batch(lookup_table(predictions(n_exits=2, split="val")), predictions(n_exits=2))
    assert set(accuracy_at_shares(batch)) == {0.5, 0.75, 1.0} - (
        {0.5} if batch.table.mean_cost_P.min() > 10.5 else set()
    )
