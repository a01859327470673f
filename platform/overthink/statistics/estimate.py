"""A mean over runs: its standard deviation over seeds, and an interval for the mean."""

from collections.abc import Sequence
from math import fsum, sqrt
from typing import Literal, NamedTuple, get_args

Over = Literal["seeds", "samples", "both"]
OVERS: tuple[Over, ...] = get_args(Over)
"""What an interval holds for: new seeds, new samples, or both."""
TIE = 1e-12
"""What differs by no more is equal but for rounding: sums of numbers in another order, 0.62 - 0.61 and 0.01."""
# Importing scipy takes longer than all the rest of `overthink compare`, so its values for few seeds stand here.
T_975 = (
    *(12.706204736174694, 4.302652729749462, 3.1824463052837078, 2.7764451051977934, 2.5705818356363146),
    *(2.4469118511449786, 2.364624251592784, 2.306004135204166, 2.262157162798205, 2.228138851986274),
    *(2.200985160091639, 2.1788128296672284, 2.1603686564627913, 2.144786687917804, 2.131449545559776),
    *(2.1199052992212546, 2.1098155778333156, 2.1009220402410382, 2.0930240544083087, 2.085963447265864),
)
"""scipy.special.stdtrit(df, 0.975) for 1, 2, ... degrees of freedom."""
X = 1.959963984540054
SERIES: tuple[float, ...] = (
    X,
    (X**3 + X) / 4,
    (5 * X**5 + 16 * X**3 + 3 * X) / 96,
    (3 * X**7 + 19 * X**5 + 17 * X**3 - 15 * X) / 384,
    (79 * X**9 + 776 * X**7 + 1482 * X**5 - 1920 * X**3 - 945 * X) / 92160,
)
"""The same quantile for many degrees of freedom, in powers of their inverse, from the normal distribution's on."""


class Estimate(NamedTuple):
    """An estimate of a quantity from n runs with different seeds, in the quantity's own unit."""

    n: int
    mean: float
    std: float | None
    """Sample standard deviation (n - 1); None for a single run."""
    low: float | None
    high: float | None
    """Ends of the 95% interval of the mean; None where there is none."""
    interval: Over | None
    """What that interval holds for; None without one."""


def estimate(values: Sequence[float]) -> Estimate:
    """Return mean, deviation and 95% interval over seeds: mean +- t(0.975, n-1) * std / sqrt(n); none for one run.

    The interval covers other seeds on the same test samples; it does not cover the choice of those samples, as
    `crossed.crossed_mean` does. Equal values have none: a spread of 0 is that of few samples. Raises ValueError for no
    values.
    """
    if not values:
        raise ValueError("an estimate needs at least one value")
    n, mean = len(values), fsum(values) / len(values)
    if n == 1:
        return Estimate(1, mean, None, None, None, None)
    if max(values) - min(values) <= TIE:
        return Estimate(n, mean, 0.0, None, None, None)
    std = sqrt(fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = t_quantile(n - 1) * std / sqrt(n)
    return Estimate(n, mean, std, mean - half, mean + half, "seeds")


def t_quantile(degrees: int) -> float:
    """Return the 0.975 quantile of Student's t with so many degrees of freedom.

    From 21 on by a series, right to 1e-7 of itself (Abramowitz & Stegun 26.7.5).
    """
    if degrees <= len(T_975):
        return T_975[degrees - 1]
    return fsum(term / float(degrees) ** power for power, term in enumerate(SERIES))
