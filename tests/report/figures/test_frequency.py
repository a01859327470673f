from math import sqrt

import pytest

from overthink.inference.frequency import Spread
from overthink.report.figures.frequency import draw_frequencies, half_width

SPREADS = (Spread(0.5, 0.1, 4), Spread(None, None, 0), Spread(0.02, 0.1, 100))


def test_the_interval_of_the_mean_stands_beside_the_spread() -> None:
    assert half_width(SPREADS[0]) == pytest.approx(3.1824463052837078 * 0.1 / sqrt(4))
    assert half_width(Spread(0.3, None, 1)) is None
    spread, mean = draw_frequencies("share", SPREADS).data
    assert spread.x == mean.x == ("exit 1<br>n = 4", "exit 3<br>n = 100")  # nobody is right at exit 2
    assert mean.error_y.array[0] == pytest.approx(15.912, abs=1e-3)
    assert spread.error_y.array == pytest.approx((10, 10))
    assert spread.error_y.arrayminus == pytest.approx((10, 2))  # a share is never below 0
