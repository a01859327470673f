"""Figures of the dynamics: what is drawn are the numbers found, and gaps where there are none."""

import numpy as np
import pytest

from overthink.dynamics.findings import Disorder, dynamics
from overthink.report.figures.dynamics import draw_births, draw_disorder, draw_order, draw_overthinking
from support.courses import course, realistic


def test_curves_are_in_percent_over_epochs_and_stages_are_marked() -> None:
    found = dynamics([realistic(8, 3, 300, seed) for seed in range(2)])
    figure = draw_overthinking(found)
    any_later = next(trace for trace in figure.data if trace.name == "any later")
    assert list(any_later.x) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert list(any_later.y) == pytest.approx([100 * value for value in found.curves.any_later_T])
    assert [line.x0 for line in figure.layout.shapes] == [4.5, 6.5]
    assert [note.text for note in figure.layout.annotations] == ["lr 0.01", "lr 0.001"]


def test_moments_without_overthinking_are_gaps() -> None:
    correct_TEN = np.ones((3, 2, 10), dtype=bool)
    correct_TEN[2, 1, :4] = False
    stays = draw_births(dynamics([course(correct_TEN)])).data[1]
    assert list(stays.y) == [None, None, 100]


def test_heat_maps_hold_hundredths_and_percent() -> None:
    order = draw_order(np.array([[1, 0.5], [0.25, 1]]), "row", "column")
    assert [list(row) for row in order.data[0].z] == [[100, 50], [25, 100]]
    disorder = draw_disorder(Disorder(np.array([[0.1, np.nan], [0.2, 0.3]]), np.full((2, 2), 0.25)))
    assert [list(row) for row in disorder.data[0].z] == [
        [pytest.approx(10), None],
        [pytest.approx(20), pytest.approx(30)],
    ]
