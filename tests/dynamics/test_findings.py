"""Findings on courses whose truth is known, and what they say where trainings cannot be compared."""

from dataclasses import replace

import numpy as np
import pytest

from overthink.dynamics.findings import dynamics
from overthink.metrics.overthinking import final_overthinking_rate, overthinking_rate
from overthink.predictions.arrays import BoolArray, IntArray
from overthink.predictions.course import Course
from support.courses import course, realistic


def born_at(moment: int, n_moments: int = 10, n_samples: int = 100, share: float = 0.3) -> BoolArray:
    """Two exits right all the time, but for a share of the samples, which exit 2 forgets for good at a moment."""
    correct_TEN = np.ones((n_moments, 2, n_samples), dtype=bool)
    correct_TEN[moment:, 1, : int(share * n_samples)] = False
    return correct_TEN


def test_overthinking_that_is_born_with_a_drop_of_the_learning_rate() -> None:
    found = dynamics([course(born_at(6), drops=(6,)) for _ in range(2)])
    before, after = found.stages
    assert [before.last.value, after.first.value, after.last.value] == pytest.approx([0, 0.3, 0.3])
    assert before.born is not None
    assert after.born is not None
    assert (before.born.value, after.born.value) == (0, 1)
    assert found.final_fates.lost_first is not None
    assert found.final_fates.lost_first.value == 1
    assert found.curves.born_T.tolist() == [0] * 6 + [1] * 4
    assert found.curves.stays_T[6:].tolist() == [1] * 4
    last = found.exits[1]
    assert last.forgetting.value == pytest.approx(0.3)
    assert last.unforgettable.value == pytest.approx(0.7)
    assert last.learning_epoch is not None
    assert last.learning_epoch.value == 1
    assert found.depth_E[0].value == 1


def test_an_exit_that_never_learned() -> None:
    correct_TEN = born_at(4)
    correct_TEN[:, 1, :30] = False
    found = dynamics([course(correct_TEN)])
    assert found.fates.never is not None
    assert found.fates.never.value == 1
    assert found.exits[1].never_right.value == pytest.approx(0.3)
    assert found.stages[0].born is not None
    assert found.stages[0].born.value == 1
    assert found.once_right_errors is None
    assert found.any_later.low is None  # one training has no interval


def test_rates_at_the_end_are_those_of_the_metrics_and_births_add_up() -> None:
    courses = [realistic(12, 4, 500, seed) for seed in range(3)]
    found = dynamics(courses)
    ends = [one.correct_TEN[-1] for one in courses]
    assert found.any_later.value == pytest.approx(np.mean([overthinking_rate(one) for one in ends]))
    assert found.final.value == pytest.approx(np.mean([final_overthinking_rate(one) for one in ends]))
    assert found.any_later.low is not None
    born = [stage.born.value for stage in found.stages if stage.born is not None]
    assert sum(born) == pytest.approx(1)
    assert sum(part.value for part in found.fates if part is not None) == pytest.approx(1)
    assert sum(part.value for part in found.depth_E) == pytest.approx(1)
    stop = found.stages[0].stage.stop - 1
    assert found.stages[0].stays is not None
    assert found.stages[0].stays.value == pytest.approx(found.curves.stays_T[stop])
    assert found.stages[-1].stays is None
    assert found.curves.born_T[-1] == pytest.approx(1)
    assert found.curves.stays_T[-1] == pytest.approx(1)
    assert found.curves.any_later_T[-1] == pytest.approx(found.any_later.value)
    assert found.disorder is not None
    assert found.order is not None
    assert found.order.difference is not None


def test_trainings_on_other_samples_are_not_compared_sample_by_sample() -> None:
    """As where each validates on its own; rates then have intervals over trainings."""
    courses = [replace(one, ids_N=one.ids_N + 1000 * number) for number, one in enumerate(map(of_seed, range(3)))]
    found = dynamics(courses)
    assert not found.crossed
    assert found.disorder is None
    assert found.order is not None
    assert found.order.exits is not None
    assert (found.order.across_EE, found.order.difference) == (None, None)
    rates = [overthinking_rate(one.correct_TEN[-1]) for one in courses]
    assert found.any_later.value == pytest.approx(np.mean(rates))
    half = 4.302652729749462 * np.std(rates, ddof=1) / np.sqrt(3)
    assert found.any_later.high == pytest.approx(np.mean(rates) + half)


@pytest.mark.parametrize("crossed", [True, False])
def test_what_all_samples_share_need_not_be_so_of_others(crossed: bool) -> None:
    """The 30 overthought samples, of each training or of all three, stay so: with a rate of 0.884, 30 do in 2.5%."""
    courses = [replace(course(born_at(2, 8), drops=(4,)), ids_N=ids_N) for ids_N in ids_of(crossed)]
    stage = dynamics(courses).stages[0]
    least = 0.025 ** (1 / (30 if crossed else 90))
    assert stage.stays == pytest.approx((1, least, 1))
    assert stage.born == pytest.approx((1, least, 1))
    assert stage.first == pytest.approx((0, 0, 1 - 0.025 ** (1 / (100 if crossed else 300))))


def ids_of(crossed: bool) -> list[IntArray]:
    return [np.arange(100) + (0 if crossed else 100 * number) for number in range(3)]


def of_seed(seed: int) -> Course:
    return realistic(8, 3, 200, seed)


def test_a_single_sample_is_looked_at_without_intervals() -> None:
    """`record: {ids: [17]}`."""
    found = dynamics([realistic(6, 3, 1, seed) for seed in range(3)])
    assert found.crossed
    assert (found.any_later.low, found.exits[0].right_at_end.low, found.order) == (None, None, None)


def test_a_network_of_one_exit() -> None:
    found = dynamics([course(born_at(3)[:, 1:]) for _ in range(3)])
    assert found.any_later.value == 0
    assert found.fates.never is None
    assert np.isnan(found.curves.born_T).all()
    assert found.stages[0].born is None


def test_courses_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="recorded at other moments, at other exits or on another split"):
        dynamics([realistic(8, 3, 20), realistic(9, 3, 20)])
