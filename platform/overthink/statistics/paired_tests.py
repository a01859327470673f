"""Tests of paired differences: one that decides, one that supposes less, how large they are, and on which side.

One rule decides in a table of m comparisons: Holm's step-down procedure on paired t-tests. The comparison with the
smallest p is tested at the level 0.05 / m, the next one at 0.05 / (m - 1), and so on up to the first that is not found;
that one's level is also that of all others. The chance that any difference is shown where there is none is at most 5%.
The interval of each comparison is at the level at which the procedure tests it, so it excludes 0 just where a
difference is shown. With a chance of 95% the simultaneous intervals, all at 1 - 0.05 / m, hold at once; those at Holm's
levels are narrower and hold one by one (a procedure as powerful has no simultaneous ones that tell a size: Guilbaud
2008).
"""

from collections.abc import Sequence
from math import exp, fsum, lgamma, sqrt
from typing import NamedTuple

from overthink.statistics.estimate import TIE, estimate

LEVEL = 0.05
"""Chance at most, for a table, that any of its intervals misses and that anything said of a difference is wrong."""
MOST_EXACT = 16
"""Pairs whose 2^n signs are all tried; above that, DRAWS of them."""
DRAWS, SEED = 100_000, 0


class PairedTest(NamedTuple):
    """Student's t of paired differences, at a level divided by a number of comparisons."""

    low: float
    high: float
    """Ends of the interval of the mean, at the level 1 - 0.05 / comparisons."""
    p: float
    """Two-sided, times the number of comparisons, at most 1."""


class HolmStep(NamedTuple):
    """How Holm's procedure tests one of several comparisons."""

    among: int
    """The number that its level, 0.05, is divided by."""
    p: float
    """Adjusted; at most 0.05 just where the comparison's own p times `among` is."""


def holm(p_values: Sequence[float], comparisons: int) -> list[HolmStep]:
    """Return how each p-value is tested as one of so many comparisons (Holm 1979), in the order given.

    >>> [step.among for step in holm([0.03, 0.001, 0.5], comparisons=3)]
    [2, 3, 2]
    """
    steps, most, among = [HolmStep(comparisons, 1.0)] * len(p_values), 0.0, comparisons
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        if most <= LEVEL:
            among = comparisons - rank
        most = max(most, min(1.0, (comparisons - rank) * p_values[place]))
        steps[place] = HolmStep(among, most)
    return steps


def paired_t(differences: Sequence[float], comparisons: int = 1) -> PairedTest | None:
    """Return mean +- t(1 - 0.025 / m, n-1) * std / sqrt(n), and the p of a mean of 0, for m comparisons.

    It supposes differences that are normal from seed to seed. None for one pair, and where all are the same but for
    rounding: a spread of 0 is that of a few samples, not of all seeds.
    """
    std = _std(differences)
    if std is None:
        return None
    from scipy.special import stdtr, stdtrit

    n, mean = len(differences), fsum(differences) / len(differences)
    error = std / sqrt(n)
    half = float(stdtrit(n - 1, 1 - LEVEL / (2 * comparisons))) * error
    p = 2 * float(stdtr(n - 1, -abs(mean) / error))
    return PairedTest(mean - half, mean + half, min(1.0, comparisons * p))


def equivalence_p(differences: Sequence[float], margin: float, comparisons: int = 1) -> float | None:
    """Return the p of a mean difference of `margin` or more, on either side, corrected for the comparisons of a table.

    The larger p of two one-sided tests (Schuirmann 1987), times 2 m: it is at most 0.05 where the interval of
    `paired_t` lies within -margin to margin. So both tests have the level 0.025 / m, not the usual 0.05 / m: the 5% are
    for all that a table says, of differences and of their absence. None where `paired_t` is None.
    """
    std = _std(differences)
    if std is None:
        return None
    from scipy.special import stdtr

    n, mean = len(differences), fsum(differences) / len(differences)
    return min(1.0, 2 * comparisons * float(stdtr(n - 1, (abs(mean) - margin) / (std / sqrt(n)))))


def sign_flip_p(differences: Sequence[float]) -> float:
    """Return the two-sided p-value that differences are as often above zero as below, and alike on both sides.

    The share of all 2^n choices of signs whose sum is at least as far from zero as the one seen (Fisher's
    randomisation test). It supposes no distribution, and can never be below `least_sign_flip_p`. Raises ValueError for
    no values.
    """
    if not differences:
        raise ValueError("a test needs at least one difference")
    seen = abs(fsum(differences)) - TIE
    if len(differences) > MOST_EXACT:
        return _sampled(differences, seen)
    sums = [0.0]
    for difference in differences:
        sums = [total + sign for total in sums for sign in (difference, -difference)]
    return sum(abs(total) >= seen for total in sums) / len(sums)


def _sampled(differences: Sequence[float], seen: float) -> float:
    import numpy as np

    signs = np.random.default_rng(SEED).integers(0, 2, (DRAWS, len(differences))) * 2 - 1
    as_far = int((np.abs(signs @ np.asarray(differences)) >= seen).sum())
    return (as_far + 1) / (DRAWS + 1)


def least_sign_flip_p(n: int) -> float:
    """Return the least p that a sign-flip test of n pairs can have: 2 / 2^n where all signs are tried."""
    return 2.0 ** (1 - n) if n <= MOST_EXACT else 1 / (DRAWS + 1)


def effect_size(differences: Sequence[float]) -> float | None:
    """Return Hedges's g of paired differences: mean / standard deviation * J(n - 1).

    J(d) = Gamma(d / 2) / (sqrt(d / 2) Gamma((d - 1) / 2)) makes it right on average (Hedges 1981); his approximation,
    1 - 3 / (4 d - 1), is 0 for two pairs. None below three pairs: no factor corrects what two pairs give, whose mean is
    infinite. None also where all are the same but for rounding.
    """
    std, n = _std(differences), len(differences)
    if std is None or n < 3:
        return None
    degrees = n - 1
    factor = exp(lgamma(degrees / 2) - lgamma((degrees - 1) / 2)) / sqrt(degrees / 2)
    return fsum(differences) / n / std * factor


def _std(differences: Sequence[float]) -> float | None:
    """Return their standard deviation; None for fewer than two, and where all are the same but for rounding."""
    return (estimate(differences).std or None) if differences else None


class Share(NamedTuple):
    """A share and the ends of its interval."""

    value: float
    low: float
    high: float


def share_above(differences: Sequence[float], comparisons: int = 1) -> Share:
    """Return the chance that a difference is above 0, ties half: P(row > baseline) with one seed for both.

    Agarwal et al. 2021 call it the probability of improvement, and take all pairs of runs; here only those of one seed,
    as everywhere in a paired comparison. Its interval is that of Clopper and Pearson (1934) at the level 1 - 0.05 / m;
    ties count as below 0 for its lower end and as above for its upper one. Raises ValueError for no values.
    """
    if not differences:
        raise ValueError("a share needs at least one difference")
    from scipy.special import betaincinv

    n = len(differences)
    above = sum(difference > TIE for difference in differences)
    ties = sum(abs(difference) <= TIE for difference in differences)
    tail, most = LEVEL / (2 * comparisons), above + ties
    low = float(betaincinv(above, n - above + 1, tail)) if above else 0.0
    high = float(betaincinv(most + 1, n - most, 1 - tail)) if most < n else 1.0
    return Share((above + ties / 2) / n, low, high)
