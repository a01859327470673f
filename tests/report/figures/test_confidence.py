import numpy as np
import pytest

from overthink.metrics.calibration import calibration_error
from overthink.predictions.absent import needed
from overthink.report.figures.confidence import (
    MOST_POINTS,
    calibration,
    draw_calibration,
    draw_ranks,
    ranks_of_first_exits,
)
from support.noise import predictions

ONE, TWO = predictions(seed=1), predictions(seed=2)


def test_reliability_of_all_samples_together() -> None:
    info = calibration([ONE, TWO])
    errors = [calibration_error(run.correct_EN, needed(run.max_softmax_EN, "confidence")) for run in (ONE, TWO)]
    assert info.error_E == pytest.approx(np.mean(errors, axis=0))
    assert all(len(sure) == len(right) for sure, right in zip(info.confidence_EB, info.accuracy_EB, strict=True))
    assert all(list(sure) == sorted(sure) for sure in info.confidence_EB)
    names = [trace.name for trace in draw_calibration(info).data]
    assert names[1] == f"exit 1, ECE {100 * info.error_E[0]:.1f}%"


def test_ranks_are_picked_evenly_and_correlations_averaged() -> None:
    info = ranks_of_first_exits([predictions(4000)])
    assert len(info.first_M) == len(info.second_M) <= MOST_POINTS
    assert np.mean(info.first_M) == pytest.approx(0.5, abs=0.03)
    alone = [ranks_of_first_exits([run]).correlation_P for run in (ONE, TWO)]
    assert ranks_of_first_exits([ONE, TWO]).correlation_P == pytest.approx(np.mean(alone, axis=0))
    assert "Spearman" in draw_ranks(info).layout.annotations[0].text
