import numpy as np
import pytest

from overthink.metrics.calibration import calibration_error
from overthink.policy.significance import accuracy_interval
from overthink.predictions.absent import needed
from overthink.report.figures.confidence import (
    FEW,
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
    assert all(sum(counts) == len(ONE.ids_N) and min(counts) > 0 for counts in info.count_EB)


def test_bins_of_few_samples_are_hollow_and_no_curve_goes_through_them() -> None:
    info = calibration([ONE])
    counts = (FEW - 1, *(max(FEW, count) for count in info.count_EB[0][1:]))
    drawn = draw_calibration(info._replace(count_EB=(counts, *info.count_EB[1:]))).data
    joined, hollow, samples = (trace for trace in drawn if trace.legendgroup == "exit 1")
    assert joined.y[0] is None
    assert None not in joined.y[1:]
    assert hollow.y[0] == pytest.approx(100 * info.accuracy_EB[0][0])
    assert {*hollow.y[1:]} == {None}
    assert (hollow.mode, hollow.marker.symbol) == ("markers", "circle-open")
    assert list(samples.y) == list(counts)


def test_runs_that_share_their_samples_make_no_interval_narrower() -> None:
    alone, twice = calibration([ONE]), calibration([ONE, ONE])
    assert (twice.low_EB, twice.high_EB) == (alone.low_EB, alone.high_EB)
    ends = zip(alone.low_EB[0], alone.accuracy_EB[0], alone.high_EB[0], strict=True)
    assert all(low <= accuracy <= high for low, accuracy, high in ends)
    assert twice.count_EB == alone.count_EB
    counts = alone.count_EB[0]
    place = counts.index(max(counts))
    right = round(alone.accuracy_EB[0][place] * counts[place])
    assert (alone.low_EB[0][place], alone.high_EB[0][place]) == accuracy_interval(right, round(counts[place]))


def test_ranks_are_picked_evenly_and_correlations_averaged() -> None:
    info = ranks_of_first_exits([predictions(4000)])
    assert len(info.first_M) == len(info.second_M) <= MOST_POINTS
    assert np.mean(info.first_M) == pytest.approx(0.5, abs=0.03)
    alone = [ranks_of_first_exits([run]).correlation_P for run in (ONE, TWO)]
    assert ranks_of_first_exits([ONE, TWO]).correlation_P == pytest.approx(np.mean(alone, axis=0))
    assert "Spearman" in draw_ranks(info).layout.annotations[0].text
