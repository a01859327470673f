"""How many seeds a paired comparison needs."""

from math import sqrt

from overthink.statistics.paired_tests import LEVEL

POWER = 0.8
MOST_SEEDS = 1000
"""More are not counted: nobody trains as many, and the number says only that the difference is too small."""


def seeds_needed(difference: float, std: float, comparisons: int = 1) -> int:
    """Return the fewest pairs with which a true difference is found on its side, in 80% of cases, by a paired t-test.

    Two-sided at the level 0.05 / m, for differences that spread by `std`: the least n with P(T > t(1 - 0.025 / m, n-1))
    at least 0.8, T noncentral with n - 1 degrees of freedom and noncentrality sqrt(n) |difference| / std. Where
    MOST_SEEDS are too few, MOST_SEEDS + 1.
    """
    if std <= 0:
        raise ValueError(f"seeds can be counted for a spread above 0, not {std}")
    too_few, enough = 1, MOST_SEEDS + 1
    while enough - too_few > 1:  # the power grows with n
        n = (too_few + enough) // 2
        if _power(abs(difference) / std, n, comparisons) < POWER:
            too_few = n
        else:
            enough = n
    return enough


def _power(effect: float, n: int, comparisons: int) -> float:
    from scipy.special import nctdtr, stdtrit

    return 1 - float(nctdtr(n - 1, effect * sqrt(n), stdtrit(n - 1, 1 - LEVEL / (2 * comparisons))))
