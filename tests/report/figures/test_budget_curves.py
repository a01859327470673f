import numpy as np
import pytest

from overthink.inference.budgeted import budgeted_batch, lookup_table
from overthink.report.analysis_page import analysis_page
from overthink.report.figures.budget_curves import (
    Pair,
    budget_curves,
    draw_budget_curves,
    draw_exits_taken,
    draw_recovered,
)
from overthink.statistics.estimate import estimate
from support.noise import predictions


def pair(seed: int) -> Pair:
    return predictions(seed=seed, split="val"), predictions(seed=seed + 100)


def test_one_run_is_what_it_is() -> None:
    validation, test = pair(1)
    info, batch = budget_curves([(validation, test)]), budgeted_batch(lookup_table(validation), test)
    assert info.accuracy_P == tuple(batch.accuracy_P)
    assert info.cost_P == tuple(batch.mean_cost_P)
    assert info.ends_P is None
    assert info.taken_PE[19] == pytest.approx([(batch.exit_PN[19] == row).mean() for row in range(4)])
    assert np.array(info.taken_PE).sum(axis=1) == pytest.approx(np.ones(39))
    assert info.accuracy_E == tuple(test.correct_EN.mean(axis=1))


def test_several_runs_are_averaged_at_the_same_distribution() -> None:
    one, other = (budget_curves([pair(seed)]) for seed in (1, 2))
    both = budget_curves([pair(1), pair(2)])
    assert both.accuracy_P == pytest.approx((np.array(one.accuracy_P) + other.accuracy_P) / 2)
    assert both.ends_P is not None
    half = estimate([one.accuracy_P[0], other.accuracy_P[0]])
    assert both.ends_P.high[0] == pytest.approx(min(half.high or 0, 1))
    assert both.recovered_P == pytest.approx((np.array(one.recovered_P) + other.recovered_P) / 2)
    assert both.bounds.upper_bound.mean_cost == pytest.approx(
        (one.bounds.upper_bound.mean_cost + other.bounds.upper_bound.mean_cost) / 2
    )


def test_the_bound_is_above_the_curve() -> None:
    info = budget_curves([pair(3)])
    bound = np.interp(info.cost_P, info.bound_cost_B, info.bound_accuracy_B)
    assert (np.array(info.accuracy_P) <= bound + 0.02).all()  # the bound is drawn through 60 points


def test_runs_of_different_networks_are_not_averaged() -> None:
    with pytest.raises(ValueError, match="exits of one cost"):
        budget_curves([pair(1), (predictions(n_exits=2, split="val"), predictions(n_exits=2))])


def test_drawings_show_what_the_records_hold() -> None:
    info = budget_curves([pair(1), pair(2)])
    names = [trace.name for trace in draw_budget_curves(info).data]
    assert {"budgeted batch (Algorithm 1)", "anytime prediction", "best choice of exits", "oracle"} <= set(names)
    assert "95% interval of the mean over seeds" in names
    assert [trace.name for trace in draw_exits_taken(info).data] == ["exit 1", "exit 2", "exit 3", "exit 4"]
    assert list(draw_recovered(info).data[0].y) == pytest.approx([100 * share for share in info.recovered_P])


def test_a_page_of_one_exit_and_one_sample_opens() -> None:
    page = analysis_page("<b>name</b>", [(predictions(1, 1, split="val"), predictions(1, 1))])
    assert "&lt;b&gt;name" in page
    assert "Overthinking avoided by leaving early" not in page  # there is none to avoid
