"""Intervals that hold for new trainings and for new test samples at once.

Trainings and samples are crossed random effects: every training is tested on every sample, and both are drawn from
many. An interval over seeds alone holds for these test samples, one over samples alone for these networks.
"""

from collections.abc import Callable, Container, Sequence
from functools import partial
from math import exp, sqrt
from typing import Literal, NamedTuple

import numpy as np

from overthink.predictions.arrays import FloatArray
from overthink.statistics.estimate import Over, t_quantile
from overthink.statistics.jackknife import FEWEST, Interval

BLOCKS = 20
"""Of samples, for statistics that are not means: each is left out in turn."""


class MeanSquares(NamedTuple):
    """Two-way analysis of variance without replication; each divided by R N, so in units of a variance of the mean."""

    trainings: float
    samples: float
    both: float
    """Of the interaction: what is left once means of trainings and of samples are taken off."""
    n_trainings: int
    n_samples: int


def mean_squares(values_RN: FloatArray) -> MeanSquares:
    """Return the mean squares of a table of R trainings and N samples over R N; raises ValueError for R or N of 1."""
    n_trainings, n_samples = values_RN.shape
    if n_trainings < 2 or n_samples < 2:
        raise ValueError(f"crossed effects need two trainings and two samples, got {n_trainings} and {n_samples}")
    mean, mean_R, mean_N = values_RN.mean(), values_RN.mean(axis=1), values_RN.mean(axis=0)
    of_trainings = n_samples * float(((mean_R - mean) ** 2).sum())
    of_samples = n_trainings * float(((mean_N - mean) ** 2).sum())
    rest = max(float(((values_RN - mean) ** 2).sum()) - of_trainings - of_samples, 0.0)
    size = n_trainings * n_samples
    return MeanSquares(
        of_trainings / (n_trainings - 1) / size,
        of_samples / (n_samples - 1) / size,
        rest / ((n_trainings - 1) * (n_samples - 1)) / size,
        n_trainings,
        n_samples,
    )


def crossed_mean(values_RN: FloatArray, over: Over = "both", least: float = 0.0) -> Interval:
    """Return the mean of a table of R trainings and N samples with its 95% interval.

    Over both, the variance of the mean is that over samples, MS_N / (R N), and what trainings add by differing as a
    whole, (MS_R - MS_RN) / (R N): the expected mean squares of two crossed random effects (Cornfield & Tukey 1956).
    The squared half width is t(0.975, N-1)^2 MS_N / (R N) + t(0.975, R-1)^2 max(MS_R - MS_RN, 0) / (R N), each part
    with its own degrees of freedom (a modified large-sample interval, Graybill & Wang 1980). Simulated coverage is 94
    to 98% from three trainings on, 92 to 97% for two (docs/comparing.md); with Satterthwaite's degrees of freedom for
    the sum it was up to 99%, for wider intervals. One training gives an interval over samples only, one sample none.

    Where all values are equal, variances are 0 and would promise certainty: the interval over samples is then the
    exact one, see `seen_alike`, and there is none over seeds. `least` is the lowest value that there can be, -1 for
    differences of rates; the highest is 1.
    """
    value = float(values_RN.mean())
    n_trainings, n_samples = values_RN.shape
    if n_samples < 2 or (n_trainings < 2 and over != "samples"):
        return Interval(value, None, None)
    if over != "seeds" and values_RN.min() == values_RN.max() and least <= value <= 1:
        return seen_alike(value, n_samples, least)
    half = _half_over_samples(values_RN) if over == "samples" else _half(mean_squares(values_RN), over)
    return Interval(value, value - half, value + half) if half > 0 else Interval(value, None, None)


def seen_alike(value: float, n_samples: int, least: float = 0.0) -> Interval:
    """Return the exact interval of the mean of a number from `least` to 1 that was the same for all of N samples.

    Others than these have a share of 1 - 0.025^(1/N) at most (Clopper & Pearson 1934), and are `least` or 1 at worst:
    [0, 1 - 0.025^(1/N)] of what was never seen; of differences, which may be -1, to both sides.
    """
    unseen = 1 - 0.025 ** (1 / n_samples)
    return Interval(value, value - unseen * (value - least), value + unseen * (1 - value))


def _half_over_samples(values_RN: FloatArray) -> float:
    """Return t(N-1) times the standard error over samples of the mean over these trainings."""
    mean_N = values_RN.mean(axis=0)
    return t_quantile(len(mean_N) - 1) * sqrt(float(mean_N.var(ddof=1)) / len(mean_N))


def _half(found: MeanSquares, over: Over) -> float:
    t_trainings = t_quantile(found.n_trainings - 1)
    if over == "seeds":
        return t_trainings * sqrt(found.trainings)
    t_samples = t_quantile(found.n_samples - 1)
    return sqrt(t_trainings**2 * max(found.trainings - found.both, 0.0) + t_samples**2 * found.samples)


class LeftOut(NamedTuple):
    """Means over blocks of samples of the K parts that a statistic is made of: of all trainings, and without each."""

    mean_K: FloatArray
    """Over all samples."""
    whole_KG: FloatArray
    """Sums over the samples of each block."""
    without_RKG: tuple[FloatArray, ...]
    """Empty where there are too few trainings to leave one out."""
    n_samples: int


def leave_out(parts: Callable[[Sequence[int]], FloatArray], repeats: int, fewest: int = 2) -> LeftOut:
    """Return what `crossed_jackknife` needs.

    Args:
        parts: Trainings -> (K, N): for each sample, K numbers whose means over samples the statistic is made of.
        repeats: R, the number of trainings.
        fewest: Trainings that `parts` needs.
    """
    everyone = range(repeats)
    without = [[one for one in everyone if one != out] for out in everyone] if repeats > fewest else []
    whole_KN = parts(everyone)
    without_RKG = tuple(_by_block(parts(others)) for others in without)
    return LeftOut(whole_KN.mean(axis=1), _by_block(whole_KN), without_RKG, whole_KN.shape[1])


def crossed_jackknife(
    left_out: LeftOut, combine: Callable[[FloatArray], float], scale: Literal["plain", "log"] = "plain"
) -> Interval:
    """Return a statistic of trainings and samples that is no plain mean, with its 95% interval over both.

    `combine` maps the (K,) means of the parts to the statistic. Leaving out each training, each of BLOCKS blocks of
    samples, and each pair of both gives pseudo-values
    P_rg = R G T - (R-1) G T_-r - R (G-1) T_-g + (R-1)(G-1) T_-r-g, which for a mean are the means of the cells; the
    interval is `crossed_mean`'s of their table. On the scale of the logarithm for what is above zero. No ends where
    there are too few trainings, where the statistic is not defined without some of them, or where it never changes.
    """
    found = _jackknifed(left_out, combine, scale)
    return Interval(found.value, None, None) if found.low == found.high else found


def _jackknifed(left_out: LeftOut, combine: Callable[[FloatArray], float], scale: Literal["plain", "log"]) -> Interval:
    value = combine(left_out.mean_K)
    if len(left_out.without_RKG) < FEWEST:
        return Interval(value, None, None)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_scale = (lambda part_K: float(np.log(combine(part_K)))) if scale == "log" else combine
        n_samples = left_out.n_samples
        whole = _with_and_without(left_out.whole_KG, n_samples, of_scale)
        without_R = [_with_and_without(one_KG, n_samples, of_scale) for one_KG in left_out.without_RKG]
        pseudo_RG = _pseudo_values(whole, without_R)
    if not np.isfinite(pseudo_RG).all():
        return Interval(value, None, None)
    half = _half(mean_squares(pseudo_RG), "both")
    middle = np.log(value) if scale == "log" else value
    ends = (middle - half, middle + half)
    low, high = (exp(end) for end in ends) if scale == "log" else ends
    return Interval(value, float(low), float(high))


def crossed_parts(left_out: LeftOut, differences: Container[int] = ()) -> tuple[Interval, ...]:
    """Return each part's mean with its interval.

    Of a share that is 0, or 1, wherever one looks, it is the exact one (`seen_alike`): the others would have no width.
    `differences` are the numbers of the parts that are differences of shares, so that they may be below 0.
    """
    rows = range(len(left_out.mean_K))
    return tuple(crossed_part(left_out, row, -1.0 if row in differences else 0.0) for row in rows)


def crossed_part(left_out: LeftOut, row: int, least: float = 0.0) -> Interval:
    """Return the mean of one part, which is `least` at least, as `crossed_parts` does."""
    found = _jackknifed(left_out, partial(_pick, row), "plain")
    if found.low is None or found.low != found.high:
        return found
    if not least <= found.value <= 1:
        return Interval(found.value, None, None)
    return seen_alike(found.value, left_out.n_samples, least)


def _pick(row: int, mean_K: FloatArray) -> float:
    return float(mean_K[row])


def _by_block(parts_KN: FloatArray) -> FloatArray:
    """Return (K, G), sums over G blocks: block g has every G-th sample from g on, since files may be sorted."""
    n_blocks = min(BLOCKS, parts_KN.shape[1])
    return np.stack([parts_KN[:, g::n_blocks].sum(axis=1) for g in range(n_blocks)], axis=1)


def _with_and_without(sum_KG: FloatArray, n_samples: int, combine: Callable[[FloatArray], float]) -> FloatArray:
    """Return (1 + G,): the statistic of all blocks, then without each."""
    n_blocks = sum_KG.shape[1]
    size_G = np.bincount(np.arange(n_samples) % n_blocks)
    total_K = sum_KG.sum(axis=1)
    without = [combine((total_K - sum_KG[:, g]) / (n_samples - size_G[g])) for g in range(n_blocks)]
    return np.array([combine(total_K / n_samples), *without])


def _pseudo_values(whole: FloatArray, without_R: list[FloatArray]) -> FloatArray:
    r, g = len(without_R), len(whole) - 1
    table = np.stack(without_R)
    pseudo_RG: FloatArray = (
        r * g * whole[0] - (r - 1) * g * table[:, :1] - r * (g - 1) * whole[1:] + (r - 1) * (g - 1) * table[:, 1:]
    )
    return pseudo_RG
