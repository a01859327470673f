"""The rate that ensembles of ever more trainings fall to.

The mean margin of k trainings varies by sigma / sqrt(k). Where the expected margins of exits differ by more than that,
the rate of pairs of exits of which one is right approaches its limit like 1 / k (the first-order terms of both sides of
a boundary cancel); where they are alike, like 1 / sqrt(k), and its limit is then zero. Real networks lie between.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import FloatArray
from overthink.statistics.crossed import LeftOut, crossed_jackknife
from overthink.statistics.jackknife import Interval

SLOWEST, FASTEST = 0.5, 1.0
ROUNDING = 1e-12
FEWEST_SIZES = 4
"""Sizes of ensembles that a fit needs: it has three unknowns."""


def plateau(sizes: Sequence[int], left_out: LeftOut) -> Interval | None:
    """Return a of the best fit of a + b k^-c to the rates of sizes k, for c between 1/2 and 1 and a from 0 to 1.

    The interval holds both for c = 1/2 and for c = 1, each over new trainings and samples (`crossed_jackknife`): few
    trainings do not tell the exponents apart. None where rates are not shown to fall: where most trainings
    overthink a sample by a small margin, its rate rises with k, and few trainings do not show how far. The last size is
    of all trainings: it is left out, since with a training left out there is none.
    """
    return _between_powers(sizes, left_out, lambda fit, rate_K: fit.level)


def part_that_stays(sizes: Sequence[int], left_out: LeftOut) -> Interval | None:
    """Return the plateau as a part of the rate of one training, with the interval of this ratio; None as there."""
    return _between_powers(sizes, left_out, lambda fit, rate_K: fit.level / rate_K[0])


def _between_powers(
    sizes: Sequence[int], left_out: LeftOut, number: Callable[["_Fit", FloatArray], float]
) -> Interval | None:
    """Return a number of the best fit, and an interval that holds for the slowest power and for the fastest."""
    fall = crossed_jackknife(left_out, _fall)
    if fall.low is None or fall.low <= ROUNDING:
        return None
    size_K = np.array(sizes[:-1], dtype=np.float64)
    value = min(max(number(_best(size_K, left_out.mean_K), left_out.mean_K), 0.0), 1.0)

    def of_power(power: float, rate_K: FloatArray) -> float:
        return float(number(_fit(size_K, power, rate_K), rate_K))

    found = [crossed_jackknife(left_out, partial(of_power, power)) for power in (SLOWEST, FASTEST)]
    lows, highs = (
        [end for end in ends if end is not None] for ends in zip(*((f.low, f.high) for f in found), strict=True)
    )
    if len(lows) < len(found) or len(highs) < len(found):
        return Interval(value, None, None)
    return Interval(value, min(*lows, value), max(*highs, value)).cut(1)


def _fall(rate_K: FloatArray) -> float:
    """Return by how much the rate of all trainings but one is below that of one training."""
    return float(rate_K[0] - rate_K[-2])


class _Fit(NamedTuple):
    level: float
    residual: float
    """Sum of squares."""


def _best(size_K: FloatArray, rate_K: FloatArray) -> _Fit:
    fits = [_fit(size_K, power, rate_K) for power in np.linspace(SLOWEST, FASTEST, 11)]
    return min(fits, key=lambda fit: fit.residual)


def _fit(size_K: FloatArray, power: float, rate_K: FloatArray) -> _Fit:
    """Return the least-squares fit of a + b k^-c to the rates of all sizes but the last."""
    x_K, y_K = size_K**-power, rate_K[:-1]
    centred_K = x_K - x_K.mean()
    slope = float(centred_K @ y_K / (centred_K @ centred_K))
    level = float(y_K.mean() - slope * x_K.mean())
    return _Fit(level, float(((y_K - level - slope * x_K) ** 2).sum()))
