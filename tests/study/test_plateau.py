from collections.abc import Sequence

import numpy as np
import pytest

from overthink.predictions.arrays import FloatArray
from overthink.statistics.crossed import LeftOut, leave_out
from overthink.study.plateau import part_that_stays, plateau

SIZES = (1, 2, 3, 4, 5, 6)


def exact(rate_K: FloatArray, repeats: int = 6) -> LeftOut:
    """Return rates that all trainings share, and nearly all samples; without one training there is no largest size."""
    of_sample_N = 1 + 1e-9 * np.linspace(-1, 1, 40)

    def parts(models: object) -> FloatArray:
        known_K = np.where(np.arange(len(rate_K)) < len(list(models)), rate_K, np.nan)  # type: ignore[call-overload]
        return np.asarray(known_K[:, None] * of_sample_N)

    return leave_out(parts, repeats)


@pytest.mark.parametrize("power", [0.5, 0.75, 1.0])
def test_a_curve_of_a_known_power_has_its_level(power: float) -> None:
    found = plateau(SIZES, exact(0.02 + 0.05 * np.array(SIZES) ** -power))
    assert found is not None
    assert found.value == pytest.approx(0.02)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 0.02 + 1e-12
    assert found.high >= 0.02 - 1e-12


def test_both_powers_are_inside() -> None:
    """The audit's six SVHN trainings: 7.2, 5.0, 3.9, 3.4, 3.0, 3.0%. A half leaves about 0%, one about 2%."""
    found = plateau(SIZES, exact(np.array([7.2, 5.0, 3.9, 3.4, 3.0, 3.0]) / 100))
    assert found is not None
    assert found.low == 0
    assert found.high is not None
    assert 0.019 < found.high < 0.03


def test_the_part_that_stays_is_of_the_rate_of_one_training() -> None:
    """Trainings that overthink more do so at every size: the ratio is known where neither of its parts is."""
    curve_K = 0.02 + 0.06 / np.array(SIZES)
    own_R = np.linspace(0.5, 1.5, 6)

    def parts(models: Sequence[int]) -> FloatArray:
        known_K = np.where(np.arange(len(SIZES)) < len(models), curve_K, np.nan)
        return np.repeat(known_K[:, None] * own_R[[*models]].mean(), 40, axis=1)

    left_out = leave_out(parts, 6)
    level, stays = plateau(SIZES, left_out), part_that_stays(SIZES, left_out)
    assert level is not None
    assert stays is not None
    assert level.value == pytest.approx(0.02)
    assert stays.value == pytest.approx(0.25)
    assert level.high is not None
    assert stays.high is not None
    assert level.high > 0.027
    assert stays.high == pytest.approx(0.25)


def test_what_does_not_fall_has_none() -> None:
    assert part_that_stays(SIZES, exact(np.full(6, 0.1))) is None
    assert plateau(SIZES, exact(np.linspace(0.1, 0.2, 6))) is None
    assert plateau(SIZES, exact(np.full(6, 0.1))) is None
