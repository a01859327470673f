import numpy as np
import pytest

from overthink.report.figures.learning_curves import draw_accuracies, draw_losses, learning_curves
from support.marks import record


def test_curves_by_hand() -> None:
    info = learning_curves([record(1, 1, 0.1), record(2, 1, 0.01), record(3, 2, 0.01)])
    assert info.epochs == (1, 2, 3)
    assert np.array(info.val_loss) == pytest.approx(np.array([[0.1, 0.2, 0.3], [0.2, 0.4, 0.6]]))
    assert info.train_loss == pytest.approx((1 / 2, 1 / 4, 1 / 6))  # minimised 1, 1/2, 1/3, over two exits
    assert (info.lr_drops, info.phase_starts) == ({2: 0.01}, {3: 2})


def test_a_phase_that_starts_with_another_rate_is_no_drop() -> None:
    for lr in (0.1, 0.001):
        info = learning_curves([record(1, 1, 0.01), record(2, 2, lr)])
        assert (info.lr_drops, info.phase_starts) == ({}, {2: 2})


def test_a_rate_that_rises_is_no_drop() -> None:
    assert learning_curves([record(1, 1, 0.01), record(2, 1, 0.1)]).lr_drops == {}


def test_the_curves_are_labelled_where_they_change() -> None:
    info = learning_curves([record(1, 1, 0.1), record(2, 1, 0.1 * 0.1), record(3, 2, 0.1)])
    for figure in (draw_losses(info), draw_accuracies(info)):
        assert [
            (line.x0, label.text) for line, label in zip(figure.layout.shapes, figure.layout.annotations, strict=True)
        ] == [
            (1.5, "lr 0.01"),
            (2.5, "phase 2"),
        ]


def test_drawings_show_percent() -> None:
    curves = learning_curves([record(1, 1, 0.1), record(2, 1, 0.1)])
    assert [curve.name for curve in draw_losses(curves).data] == ["exit 1", "exit 2", "training mean"]
    assert [(list(curve.y), curve.line.dash) for curve in draw_accuracies(curves).data] == [
        ([10, 20], None),
        ([10, 20], "dash"),
        ([20, 40], None),
        ([20, 40], "dash"),
    ]
