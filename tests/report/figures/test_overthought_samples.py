import math

import numpy as np
import pytest

from overthink.predictions.absent import needed
from overthink.report.figures.overthought_samples import (
    draw_overthinking_by_class,
    draw_overthinking_by_confidence,
    overthinking_by_class,
    overthinking_by_confidence,
)
from support.noise import predictions

ONE = predictions(seed=1)


def test_rates_by_hand() -> None:
    info = overthinking_by_confidence([ONE])
    sure_N, right_EN = needed(ONE.max_softmax_EN, "confidence")[0], ONE.correct_EN
    least = np.argsort(sure_N)[:6]
    final_N = right_EN[:-1].any(axis=0) & ~right_EN[-1]
    assert info.final_T[0] == pytest.approx(final_N[least].mean())
    bars = draw_overthinking_by_confidence(info).data
    assert [bar.name for bar in bars] == ["overthinking, any later", "overthinking, final"]
    by_class = overthinking_by_class([ONE])
    assert len(by_class) == 5
    worst = draw_overthinking_by_class(by_class).data[0]
    assert list(worst.y) == sorted(worst.y, reverse=True)


def test_a_class_without_samples_is_not_drawn() -> None:
    by_class = overthinking_by_class([predictions(2, n_classes=50)])
    assert any(math.isnan(rate) for rate in by_class)
    assert len(draw_overthinking_by_class(by_class).data[0].x) <= 2
