"""A mean over runs: its standard deviation over seeds, and an interval for the mean."""

from collections.abc import Sequence
from math import atan, cos, exp, fsum, lgamma, pi, sqrt
from typing import Literal, NamedTuple

Over = Literal["seeds", "samples", "both"]
"""What an interval holds for: new seeds, new samples, or both."""
LEVEL = 0.95
# Importing scipy takes longer than all the rest of `overthink compare`, so its values for few seeds stand here.
T_975 = (
    *(12.706204736174694, 4.302652729749462, 3.1824463052837078, 2.7764451051977934, 2.5705818356363146),
    *(2.4469118511449786, 2.364624251592784, 2.306004135204166, 2.262157162798205, 2.228138851986274),
    *(2.200985160091639, 2.1788128296672284, 2.1603686564627913, 2.144786687917804, 2.131449545559776),
    *(2.1199052992212546, 2.1098155778333156, 2.1009220402410382, 2.0930240544083087, 2.085963447265864),
)
"""scipy.special.stdtrit(df, 0.975) for 1, 2, ... degrees of freedom."""
NORMAL_975 = 1.959963984540054
STEPS = 64
"""Of Simpson's rule; even."""


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
    `crossed.crossed_mean` does. Raises ValueError for no values.
    """
    if not values:
        raise ValueError("an estimate needs at least one value")
    n, mean = len(values), fsum(values) / len(values)
    if n == 1:
        return Estimate(1, mean, None, None, None, None)
    std = sqrt(fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = t_quantile(n - 1) * std / sqrt(n)
    return Estimate(n, mean, std, mean - half, mean + half, "seeds")


def t_quantile(degrees: float) -> float:
    """Return the 0.975 quantile of Student's t with so many degrees of freedom, at least 1, whole or not.

    Right to 2e-6 of itself: Newton's method from a series for many degrees (Abramowitz & Stegun 26.7.5).
    """
    if degrees <= len(T_975) and degrees == int(degrees):
        return T_975[int(degrees) - 1]
    quantile = NORMAL_975 + 2.3723 / degrees + 2.8225 / degrees**2 + 2.5558 / degrees**3 + 1.5895 / degrees**4
    for _ in range(4):
        within, density = _within(quantile, degrees)
        quantile -= (within - LEVEL) / (2 * density)
    return quantile


def _within(t: float, degrees: float) -> tuple[float, float]:
    """Return P(|T| < t) and the density at t.

    With t = sqrt(degrees) tan(angle) the density of the angle is a power of its cosine (Simpson's rule).
    """
    scale = exp(lgamma((degrees + 1) / 2) - lgamma(degrees / 2)) / sqrt(pi)
    step = atan(t / sqrt(degrees)) / STEPS
    height = [cos(step * number) ** (degrees - 1) for number in range(STEPS + 1)]
    area = step / 3 * (height[0] + 4 * sum(height[1::2]) + 2 * sum(height[2:-1:2]) + height[-1])
    return 2 * scale * area, scale / sqrt(degrees) * (1 + t * t / degrees) ** (-(degrees + 1) / 2)
