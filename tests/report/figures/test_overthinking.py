import numpy as np
import pytest

from overthink.report.figures.overthinking import (
    accuracy_where_earlier_is_right,
    draw_accuracy_where_earlier_is_right,
    draw_overthinking_by_level,
    draw_overthinking_by_pair,
    overthinking_by_level,
    overthinking_by_pair,
)
from support.marks import ONE, TWO, predictions
from support.noise import predictions as noise


def test_several_runs_are_averaged() -> None:
    both = overthinking_by_pair([ONE, TWO])
    assert both.share_EE[0] == (0, 0.125, 0.125)
    assert both.deviation_EE is not None
    assert both.deviation_EE[0] == pytest.approx([0, 0.25 / 2**0.5, 0.25 / 2**0.5])
    assert overthinking_by_pair([ONE]).deviation_EE is None


def test_pairs_by_hand_and_by_brute_force() -> None:
    # right at 1 and wrong at 2: sample 2; wrong at 3: sample 2; right at 2 and wrong at 3: sample 3
    assert overthinking_by_pair([ONE]).share_EE == ((0, 0.25, 0.25), (0, 0, 0.25), (0, 0, 0))
    correct = np.random.default_rng(0).random((3, 50)) < 0.6
    run = predictions(["".join("01"[int(mark)] for mark in marks) for marks in correct], [0] * 50)
    for i in range(3):
        for j in range(3):
            count = sum(bool(correct[i, n] and not correct[j, n]) for n in range(50)) if j > i else 0
            assert overthinking_by_pair([run]).share_EE[i][j] == pytest.approx(count / 50)


def test_levels_by_hand() -> None:
    info = overthinking_by_level([ONE])
    assert info.names == ("easy", "hard")
    assert info.any_later == (0.5, 0.5)
    assert info.final == (0.5, 0.5)
    assert info.last_accuracy == (0.5, 0.0)


def test_a_data_set_without_levels_is_one_level() -> None:
    info = overthinking_by_level([predictions(["10", "01"], [0, 0], names=())])
    assert (info.names, info.any_later, info.last_accuracy) == (("all",), (0.5,), (0.5,))


def test_a_level_without_samples_is_left_out() -> None:
    assert overthinking_by_level([predictions(["10", "01"], [0, 0])]).names == ("easy",)


def test_drawings_show_percent() -> None:
    heat = draw_overthinking_by_pair(overthinking_by_pair([ONE])).data[0]
    assert [list(row) for row in heat.z] == [[None, 25, 25], [None, None, 25], [None, None, None]]
    bars = draw_overthinking_by_level(overthinking_by_level([ONE])).data
    assert [list(bar.y) for bar in bars] == [[50, 0], [50, 50], [50, 50]]


def test_several_runs_show_their_spread_for_later_exits_alone() -> None:
    heat = draw_overthinking_by_pair(overthinking_by_pair([ONE, TWO])).data[0]
    assert [list(row) for row in heat.text] == [["", "<br>± 17.7", "<br>± 17.7"], ["", "", "<br>± 17.7"], ["", "", ""]]


def test_accuracy_where_an_earlier_exit_is_right_by_hand() -> None:
    run = noise(seed=1)
    accuracy_EE = accuracy_where_earlier_is_right([run])
    assert accuracy_EE[0][2] == pytest.approx(run.correct_EN[2][run.correct_EN[0]].mean())
    shown = draw_accuracy_where_earlier_is_right(accuracy_EE).data[0].z
    assert shown[0][2] == pytest.approx(100 * accuracy_EE[0][2])
    assert shown[2][0] is None
