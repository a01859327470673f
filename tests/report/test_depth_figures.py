import math

import numpy as np
import pytest

from overthink.metrics.calibration import calibration_error
from overthink.report.depth_drawing import (
    draw_by_class,
    draw_by_confidence,
    draw_calibration,
    draw_kept,
    draw_ranks,
)
from overthink.report.depth_figures import MOST_POINTS, calibration, kept, ranks, who_overthinks
from support.noise import predictions

ONE, TWO = predictions(seed=1), predictions(seed=2)


def test_reliability_of_all_samples_together() -> None:
    info = calibration([ONE, TWO])
    errors = [calibration_error(run.correct_EN, run.max_softmax_EN) for run in (ONE, TWO)]
    assert info.error_E == pytest.approx(np.mean(errors, axis=0))
    assert all(len(sure) == len(right) for sure, right in zip(info.confidence_EB, info.accuracy_EB, strict=True))
    assert all(list(sure) == sorted(sure) for sure in info.confidence_EB)
    names = [trace.name for trace in draw_calibration(info).data]
    assert names[1] == f"exit 1, ECE {100 * info.error_E[0]:.1f}%"


def test_ranks_are_picked_evenly_and_correlations_averaged() -> None:
    info = ranks([predictions(4000)])
    assert len(info.first_M) == len(info.second_M) <= MOST_POINTS
    assert np.mean(info.first_M) == pytest.approx(0.5, abs=0.03)
    alone = [ranks([run]).correlation_P for run in (ONE, TWO)]
    assert ranks([ONE, TWO]).correlation_P == pytest.approx(np.mean(alone, axis=0))
    assert "Spearman" in draw_ranks(info).layout.annotations[0].text


def test_what_is_kept_by_hand() -> None:
    info = kept([ONE])
    right_EN = ONE.correct_EN
    assert info.accuracy_EE[0][2] == pytest.approx(right_EN[2][right_EN[0]].mean())
    shown = draw_kept(info).data[0].z
    assert shown[0][2] == pytest.approx(100 * info.accuracy_EE[0][2])
    assert shown[2][0] is None


def test_who_overthinks_by_hand() -> None:
    info = who_overthinks([ONE])
    sure_N, right_EN = ONE.max_softmax_EN[0], ONE.correct_EN
    least = np.argsort(sure_N)[:6]
    final_N = right_EN[:-1].any(axis=0) & ~right_EN[-1]
    assert info.final_T[0] == pytest.approx(final_N[least].mean())
    assert len(info.any_later_C) == 5
    assert [bar.name for bar in draw_by_confidence(info).data] == ["overthinking, any later", "overthinking, final"]
    worst = draw_by_class(info).data[0]
    assert list(worst.y) == sorted(worst.y, reverse=True)


def test_a_class_without_samples_is_not_drawn() -> None:
    few = predictions(2, n_classes=50)
    info = who_overthinks([few])
    assert any(math.isnan(rate) for rate in info.any_later_C)
    assert len(draw_by_class(info).data[0].x) <= 2
