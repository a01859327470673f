"""The records behind the figures: numbers by hand, and a brute force over samples."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from overthink.predictions.predictions import Predictions
from overthink.report.drawing import (
    draw_accuracies,
    draw_cost_accuracy,
    draw_levels,
    draw_losses,
    draw_pairs,
    exit_colours,
)
from overthink.report.figures import cost_accuracy, history, levels, pairs
from support.marks import ONE, TWO, predictions, record


def test_cost_and_accuracy_by_hand() -> None:
    info = cost_accuracy([ONE])
    assert info.cost_E == (10, 30, 60)
    assert info.accuracy_E == (0.5, 0.5, 0.25)
    assert info.deviation_E is None
    assert info.by_level == {"easy": (1.0, 0.5, 0.5), "hard": (0.0, 0.5, 0.0)}
    # samples 1 and 2 leave at exit 1, sample 3 at exit 2, and sample 4 nowhere or at the end
    assert info.oracle == (0.75, (10 + 10 + 30 + 0) / 4)
    assert info.upper_bound == (0.75, (10 + 10 + 30 + 60) / 4)


def test_several_runs_are_averaged() -> None:
    info = cost_accuracy([ONE, TWO])
    assert info.accuracy_E == (0.75, 0.75, 0.625)
    assert info.deviation_E == pytest.approx([0.5 / 2**0.5, 0.5 / 2**0.5, 0.75 / 2**0.5])
    assert info.oracle.accuracy == 0.875
    both = pairs([ONE, TWO])
    assert both.share_EE[0] == (0, 0.125, 0.125)
    assert both.deviation_EE is not None
    assert both.deviation_EE[0] == pytest.approx([0, 0.25 / 2**0.5, 0.25 / 2**0.5])
    assert pairs([ONE]).deviation_EE is None


@pytest.mark.parametrize("record_of", [cost_accuracy, pairs, levels])
@pytest.mark.parametrize(
    "change", [{"split": "val"}, {"cost_E": np.array([10, 30, 61])}, {"level_names": ("easy", "odd")}]
)
def test_runs_that_differ_are_not_averaged(
    record_of: Callable[[Sequence[Predictions]], object], change: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="one split, cost and level names"):
        record_of([ONE, replace(ONE, **change)])


def test_pairs_by_hand_and_by_brute_force() -> None:
    # right at 1 and wrong at 2: sample 2; wrong at 3: sample 2; right at 2 and wrong at 3: sample 3
    assert pairs([ONE]).share_EE == ((0, 0.25, 0.25), (0, 0, 0.25), (0, 0, 0))
    correct = np.random.default_rng(0).random((3, 50)) < 0.6
    run = predictions(["".join("01"[int(mark)] for mark in marks) for marks in correct], [0] * 50)
    for i in range(3):
        for j in range(3):
            count = sum(bool(correct[i, n] and not correct[j, n]) for n in range(50)) if j > i else 0
            assert pairs([run]).share_EE[i][j] == pytest.approx(count / 50)


def test_levels_by_hand() -> None:
    info = levels([ONE])
    assert info.names == ("easy", "hard")
    assert info.any_later == (0.5, 0.5)
    assert info.final == (0.5, 0.5)
    assert info.last_accuracy == (0.5, 0.0)


def test_a_data_set_without_levels_is_one_level() -> None:
    info = levels([predictions(["10", "01"], [0, 0], names=())])
    assert (info.names, info.any_later, info.last_accuracy) == (("all",), (0.5,), (0.5,))


def test_a_level_without_samples_is_left_out() -> None:
    run = predictions(["10", "01"], [0, 0])
    assert levels([run]).names == ("easy",)
    assert set(cost_accuracy([run]).by_level) == {"easy"}


def test_history_by_hand() -> None:
    info = history([record(1, 1, 0.1), record(2, 1, 0.01), record(3, 2, 0.01)])
    assert info.epochs == (1, 2, 3)
    assert np.array(info.val_loss) == pytest.approx(np.array([[0.1, 0.2, 0.3], [0.2, 0.4, 0.6]]))
    assert info.train_loss == pytest.approx((1 / 2, 1 / 4, 1 / 6))  # minimised 1, 1/2, 1/3, over two exits
    assert (info.lr_drops, info.phase_starts) == ({2: 0.01}, {3: 2})


def test_a_phase_that_starts_with_another_rate_is_no_drop() -> None:
    for lr in (0.1, 0.001):
        info = history([record(1, 1, 0.01), record(2, 2, lr)])
        assert (info.lr_drops, info.phase_starts) == ({}, {2: 2})


def test_a_rate_that_rises_is_no_drop() -> None:
    assert history([record(1, 1, 0.01), record(2, 1, 0.1)]).lr_drops == {}


def test_the_curves_are_labelled_where_they_change() -> None:
    info = history([record(1, 1, 0.1), record(2, 1, 0.1 * 0.1), record(3, 2, 0.1)])
    for figure in (draw_losses(info), draw_accuracies(info)):
        assert [
            (line.x0, label.text) for line, label in zip(figure.layout.shapes, figure.layout.annotations, strict=True)
        ] == [
            (1.5, "lr 0.01"),
            (2.5, "phase 2"),
        ]


def test_drawings_show_percent_of_what_the_records_say() -> None:
    info = cost_accuracy([ONE, TWO])
    by_name = {trace.name: trace for trace in draw_cost_accuracy(info).data}
    assert list(by_name["exits, all samples"].y) == [75, 75, 62.5]
    assert by_name["oracle"].y == (87.5,)
    heat = draw_pairs(pairs([ONE])).data[0]
    assert [list(row) for row in heat.z] == [[None, 25, 25], [None, None, 25], [None, None, None]]
    assert [list(bar.y) for bar in draw_levels(levels([ONE])).data] == [[50, 0], [50, 50], [50, 50]]
    curves = history([record(1, 1, 0.1), record(2, 1, 0.1)])
    assert [curve.name for curve in draw_losses(curves).data] == ["exit 1", "exit 2", "training mean"]
    assert [(list(curve.y), curve.line.dash) for curve in draw_accuracies(curves).data] == [
        ([10, 20], None),
        ([10, 20], "dash"),
        ([20, 40], None),
        ([20, 40], "dash"),
    ]


def test_every_level_has_its_line() -> None:
    names = ("a", "b", "c", "d")
    lines = draw_cost_accuracy(cost_accuracy([predictions(["1011", "1101"], [0, 1, 2, 3], names)])).data
    assert [line.name for line in lines][:4] == [f"{name} samples" for name in names]


def test_several_runs_show_their_spread_for_later_exits_alone() -> None:
    heat = draw_pairs(pairs([ONE, TWO])).data[0]
    assert [list(row) for row in heat.text] == [["", "<br>± 17.7", "<br>± 17.7"], ["", "", "<br>± 17.7"], ["", "", ""]]


def test_each_exit_has_its_colour() -> None:
    assert len(set(exit_colours(10))) == 10
    assert len(exit_colours(1)) == 1
