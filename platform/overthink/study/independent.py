"""How much a rate varies from training to training, against what independent samples would give (Jordan 2024).

Were each sample overthought with a chance of its own, independently of all others, the rate of N samples would vary by
sum_n p_n (1 - p_n) / N^2. A ratio of 1: trainings differ in which samples they overthink, and no training overthinks
more than another. Above 1: some trainings overthink more on the whole.
"""

import numpy as np

from overthink.predictions.arrays import BoolArray
from overthink.statistics.jackknife import Interval


def independent_samples_ratio(indicator_RN: BoolArray) -> Interval | None:
    """Return var_R(rate) / (sum_n var_R(indicator_n) / N^2), variances with R - 1 in the denominator.

    Both are mean squares, so the interval is that of an F ratio with R - 1 and (R - 1) N degrees of freedom, the latter
    taken as many: ratio (R - 1) / chi2(0.975 or 0.025, R - 1). Equal rates are common among few samples by chance, so
    a ratio of 0 has no interval. None where no training differs from another on any sample, or for a single training.
    """
    repeats, n = indicator_RN.shape
    if repeats < 2:
        return None
    values_RN = indicator_RN.astype(np.float64)
    by_chance = float(values_RN.var(axis=0, ddof=1).sum()) / n**2
    if by_chance == 0:
        return None
    if len(set(indicator_RN.sum(axis=1).tolist())) == 1:
        return Interval(0.0, None, None)
    from scipy.special import chdtri

    ratio = float(values_RN.mean(axis=1).var(ddof=1)) / by_chance
    low, high = (ratio * (repeats - 1) / float(chdtri(repeats - 1, tail)) for tail in (0.025, 0.975))
    return Interval(ratio, low, high)
