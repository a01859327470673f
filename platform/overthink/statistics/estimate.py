"""A number over seeds: mean, standard deviation, and an interval for the mean."""

from collections.abc import Sequence
from math import fsum, sqrt
from typing import NamedTuple

LEVEL = 0.95
# Importing scipy takes longer than all the rest of `overthink compare`, so its values for few seeds stand here.
T_975 = (
    *(12.706204736174694, 4.302652729749462, 3.1824463052837078, 2.7764451051977934, 2.5705818356363146),
    *(2.4469118511449786, 2.364624251592784, 2.306004135204166, 2.262157162798205, 2.228138851986274),
    *(2.200985160091639, 2.1788128296672284, 2.1603686564627913, 2.144786687917804, 2.131449545559776),
    *(2.1199052992212546, 2.1098155778333156, 2.1009220402410382, 2.0930240544083087, 2.085963447265864),
)
"""scipy.special.stdtrit(df, 0.975) for 1, 2, ... degrees of freedom."""


class Estimate(NamedTuple):
    """An estimate of a quantity from n runs with different seeds, in the quantity's own unit."""

    n: int
    mean: float
    std: float | None
    """Sample standard deviation (n - 1); None for a single run."""
    low: float | None
    high: float | None
    """Ends of the 95% interval for the mean over seeds (Student's t, n - 1 degrees of freedom); None for one run."""


def estimate(values: Sequence[float]) -> Estimate:
    """Return mean, deviation and 95% interval: mean +- t(0.975, n-1) * std / sqrt(n).

    The interval covers other seeds on the same test samples; it does not cover the choice of those samples.
    Raises ValueError for no values.
    """
    if not values:
        raise ValueError("an estimate needs at least one value")
    n, mean = len(values), fsum(values) / len(values)
    if n == 1:
        return Estimate(1, mean, None, None, None)
    std = sqrt(fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = t_quantile(n - 1) * std / sqrt(n)
    return Estimate(n, mean, std, mean - half, mean + half)


def t_quantile(degrees: float) -> float:
    """Return the 0.975 quantile of Student's t with so many degrees of freedom."""
    if degrees <= len(T_975) and degrees == int(degrees):
        return T_975[int(degrees) - 1]
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + LEVEL) / 2))
