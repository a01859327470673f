import numpy as np
import pytest

from overthink.exit_policies.failure import foresight
from overthink.metrics.calibration import calibration_error
from overthink.metrics.failure_prediction import auroc, excess_aurc
from support.random_exits import made_up


def test_foresight_by_hand() -> None:
    runs = [(made_up(200, "val", seed), made_up(150, "test", seed)) for seed in range(2)]
    found = {one.measure: one for one in foresight(runs)}
    assert [*found] == ["max-softmax", "entropy", "top2-ratio", "margin", "temperature"]
    expected, excess, overthinking, errors = [], [], [], []
    for _, test in runs:
        assert test.max_softmax_EN is not None
        sure_N, correct_EN = test.max_softmax_EN[0], test.correct_EN
        expected.append(auroc(correct_EN[0], sure_N))
        excess.append(excess_aurc(correct_EN[0], sure_N))
        right_N = correct_EN[0]
        stays_N = correct_EN[1] & correct_EN[2]
        overthinking.append(auroc(stays_N[right_N], sure_N[right_N]))
        errors.append(calibration_error(correct_EN, test.max_softmax_EN)[0])
    one = found["max-softmax"]
    assert one.auroc_E[0] == pytest.approx(np.mean(expected))
    assert one.excess_E[0] == pytest.approx(np.mean(excess))
    assert one.overthinking_E[0] == pytest.approx(np.mean(overthinking))
    assert np.isnan(one.overthinking_E[-1])
    assert one.calibration_E is not None
    assert one.calibration_E[0] == pytest.approx(np.mean(errors))
    assert found["entropy"].calibration_E is None


def test_without_logits_there_is_no_temperature() -> None:
    runs = [(made_up(60, "val", keep_logits=False), made_up(60, "test", keep_logits=False))]
    assert [one.measure for one in foresight(runs)] == ["max-softmax", "entropy", "top2-ratio", "margin"]
