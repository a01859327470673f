"""Tests of paired differences: exact where there are few, corrected where there are many, and how large they are."""

from collections.abc import Sequence
from math import fsum, sqrt

MOST_EXACT = 16
"""Pairs whose 2^n signs are all tried; above that, DRAWS of them."""
DRAWS, SEED = 100_000, 0
TIE = 1e-12
"""What differs by less is equal but for rounding: sums of the same numbers in another order, 0.62 - 0.61 and 0.01."""


def sign_flip_p(differences: Sequence[float]) -> float:
    """Return the two-sided p-value that differences are as often above zero as below, and alike on both sides.

    The share of all 2^n choices of signs whose sum is at least as far from zero as the one seen (Fisher's
    randomisation test). It supposes no distribution, and can never be below 2 / 2^n. Raises ValueError for no values.
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


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for so many comparisons (Holm 1979), in the order given.

    With those at most 0.05 taken as significant, the chance of any false positive is at most 5%.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    corrected, most = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        most = max(most, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = most
    return corrected


def effect_size(differences: Sequence[float]) -> float | None:
    """Return Hedges's g of paired differences: mean / standard deviation, times 1 - 3 / (4 (n - 1) - 1) for few.

    None for one pair, and where all are the same but for rounding.
    """
    n = len(differences)
    if n < 2 or max(differences) - min(differences) <= TIE:
        return None
    mean = fsum(differences) / n
    std = sqrt(fsum((difference - mean) ** 2 for difference in differences) / (n - 1))
    return mean / std * (1 - 3 / (4 * (n - 1) - 1))
