"""Several groups in one plot over the epochs of a training: numbers worked out by hand, and what cannot be drawn."""

from dataclasses import replace

import numpy as np
import pytest

from overthink.predictions.course import Course
from overthink.report.figures.groups_paper import paper_figure
from overthink.report.figures.training import course_overlay, fork_overlay
from overthink.statistics.jackknife import Interval
from overthink.study.forks import AtEpoch, ForkArm, Undecided
from support.courses import course


def two_exits(*overthought: int) -> Course:
    """Return a course of four samples, of which so many are overthought after epochs 1, 2, ..."""
    correct_TEN = np.ones((len(overthought), 2, 4), dtype=np.bool_)
    for moment, count in enumerate(overthought):
        correct_TEN[moment, 1, :count] = False
    return course(correct_TEN)


def test_overthinking_after_each_epoch_is_a_mean_over_runs_with_its_interval() -> None:
    info = course_overlay({"plain": [two_exits(4, 1), two_exits(2, 1)], "isc": [two_exits(0, 2)]})
    any_later, final, of_isc, _ = info.curves
    assert (any_later.group, any_later.name, any_later.n, final.name) == ("plain", "any later", 2, "final")
    assert any_later.x_P == (1, 2)
    assert any_later.mean_P == final.mean_P == (0.75, 0.25)
    assert any_later.low_P == (0, 0.25)  # 0.75 - 12.7 x 0.25 is cut, and equal values have no width
    assert (of_isc.mean_P, of_isc.low_P) == ((0, 0.5), None)
    assert info.sentence == (
        "Overthinking in the course of the training. Means over seeds (plain n = 2, isc n = 1); bands: 95% interval of "
        "the mean for new seeds, on these test samples; none for n = 1."
    )
    assert b"epoch" in paper_figure(info, "svg", 1)


def test_runs_that_recorded_samples_of_their_own_are_named() -> None:
    """As where the split varies, so that each validates on its own; intervals then hold for more than new seeds."""
    one, other = two_exits(4, 1), two_exits(2, 1)
    apart = replace(other, ids_N=other.ids_N + 100)
    sentence = course_overlay({"plain": [one, apart], "isc": [one, other]}).sentence
    assert sentence.endswith("for new seeds, on these test samples (runs of plain each on its own).")


def test_what_intervals_do_not_cover_is_said_where_there_are_some() -> None:
    several, one = (course_overlay({"init": [two_exits(4, n) for n in range(count)]}) for count in (2, 1))
    fixed = "Held fixed, so not covered by intervals: one split (init)."
    assert several._replace(not_covered=fixed).sentence.endswith(f"on these test samples. {fixed}")
    assert fixed not in one._replace(not_covered=fixed).sentence


def test_courses_with_other_moments_are_refused() -> None:
    with pytest.raises(ValueError, match="plain: its courses were recorded at other moments"):
        course_overlay({"plain": [two_exits(1, 2), two_exits(1, 2, 3)]})


def at(epoch: int, decided: Interval | None) -> AtEpoch:
    one = Undecided(Interval(0.1, 0.0, 0.2), decided)
    other = Undecided(Interval(0.1, 0.0, 0.2), Interval(0.5, None, None))
    return AtEpoch(epoch, (other, one), one, other, Interval(0.2, 0.1, 0.3), Interval(0.1, 0.0, 0.2))


def test_what_is_decided_at_a_fork() -> None:
    arm = ForkArm(("order",), 3, (at(0, Interval(0.1, -0.1, 0.3)), at(4, Interval(0.7, 0.6, 0.8))), None)
    info = fork_overlay({"later": arm})
    assert info.groups == ("answers of the last exit", "overthought, any later", "overthought, final")
    answers, any_later, final = info.curves
    assert (answers.x_P, answers.mean_P, answers.low_P, answers.n) == ((0, 4), (0.1, 0.7), (-0.1, 0.6), 3)
    assert any_later.high_P == (0.3, 0.8)
    assert (final.mean_P, final.low_P, final.high_P) == ((0.5, 0.5), None, None)
    assert "Means over trunks" in info.sentence
    assert "95% interval of the mean for new trunks and new test samples" in info.sentence
    two = arm._replace(trunks=2, epochs=(at(0, Interval(0.1, None, None)), at(4, Interval(0.7, None, None))))
    assert "95% interval" not in fork_overlay({"later": two}).sentence
    assert fork_overlay({"a": arm, "b": arm}).groups[3] == "b: answers of the last exit"


def test_a_fact_that_independent_trainings_share_is_left_out() -> None:
    arm = ForkArm(("order",), 1, (at(0, None),), None)
    assert [curve.group for curve in fork_overlay({"later": arm}).curves] == ["overthought, final"]
    undecided = Undecided(Interval(0.1, 0.0, 0.2), None)
    nothing = at(0, None)._replace(final=undecided)
    with pytest.raises(ValueError, match="needs two trunks that differ"):
        fork_overlay({"later": arm._replace(epochs=(nothing,))})
