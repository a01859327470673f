import numpy as np
import pytest

from overthink.metrics.catalogue import compute
from overthink.metrics.per_sample import contribution
from support.repeats import by_difficulty, predictions


def test_each_is_what_the_metric_is_the_mean_of() -> None:
    (network,) = predictions(by_difficulty(1, 300))
    found = {name: contribution(name) for name in compute(network)}
    means = {name: of(network.correct_EN) for name, of in found.items() if of is not None}
    assert {*means} >= {"accuracy/exit_1", "accuracy/last", "accuracy/mean", "oracle/accuracy", "upper_bound/accuracy"}
    assert len([name for name in means if name.startswith("overthinking")]) == 3 + 3
    for name, value_N in means.items():
        assert value_N.shape == (300,)
        assert np.mean(value_N) == pytest.approx(compute(network)[name], abs=1e-12)


@pytest.mark.parametrize("name", ["policy/balanced_accuracy", "hindsight/exit_2", "calibration/ece/exit_1", "accuracy"])
def test_what_is_no_mean_over_samples_has_none(name: str) -> None:
    assert contribution(name) is None
