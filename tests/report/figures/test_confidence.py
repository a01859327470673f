import numpy as np
import pytest

from overthink.metrics.calibration import calibration_error
from overthink.policy.significance import accuracy_interval
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
    assert names[:2] == ["calibrated: accuracy = confidence", f"exit 1, ECE {100 * info.error_E[0]:.1f}%"]
    assert all(sum(shares) == pytest.approx(1) and min(shares) > 0 for shares in info.share_EB)


def test_runs_that_share_their_samples_make_no_interval_narrower() -> None:
    alone, twice = calibration([ONE]), calibration([ONE, ONE])
    assert (twice.low_EB, twice.high_EB) == (alone.low_EB, alone.high_EB)
    ends = zip(alone.low_EB[0], alone.accuracy_EB[0], alone.high_EB[0], strict=True)
    assert all(low <= accuracy <= high for low, accuracy, high in ends)
    shares = [share * len(ONE.ids_N) for share in alone.share_EB[0]]
    place = shares.index(max(shares))
    right = round(alone.accuracy_EB[0][place] * shares[place])
    assert (alone.low_EB[0][place], alone.high_EB[0][place]) == accuracy_interval(right, round(shares[place]))


def test_ranks_are_picked_evenly_and_correlations_averaged() -> None:
    info = ranks_of_first_exits([predictions(4000)])
    assert len(info.first_M) == len(info.second_M) <= MOST_POINTS
    assert np.mean(info.first_M) == pytest.approx(0.5, abs=0.03)
    alone = [ranks_of_first_exits([run]).correlation_P for run in (ONE, TWO)]
    assert ranks_of_first_exits([ONE, TWO]).correlation_P == pytest.approx(np.mean(alone, axis=0))
    assert "Spearman" in draw_ranks(info).layout.annotations[0].text
