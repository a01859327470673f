"""Shares of a variance by its sources (Sobol 1993), from runs around base points, with intervals.

A run's value f depends on independent sources. A block is a set of runs that differ in some sources and have all others
in common, so its variance is, over blocks, E[Var(f | the others)]. Relative to the variance V of runs that differ in
all, this is the total share of what varies; one minus it is the first-order share of what does not (Jansen 1999):

    total share of S       = E[Var(f | all but S)] / V    blocks in which S alone varies
    first-order share of S = 1 - E[Var(f | S)] / V        blocks in which all but S varies

Runs come in units that are independent of each other: a base point with all blocks around it is one. Runs of a unit are
not independent of each other, so V is estimated from pairs of runs of different units, without bias, and intervals are
a jackknife over units. It leaves a unit out of numerator and V alike, so the interval includes what V is uncertain by.
"""

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.statistics.estimate import t_quantile
from overthink.statistics.jackknife import FEWEST, Interval

FOLDS = 20
"""Parts of the samples that are left out in turn, for the part of an interval that is due to the samples."""
TIE = 1e-12
"""A variance that is smaller in comparison with the mean square is 0 but for rounding."""

Block = Sequence[int]
"""Rows of runs that differ in some sources and have all others in common."""


class Runs(NamedTuple):
    """Values of R runs for N samples (N = 1: a number a run), and the unit of each run."""

    value_RN: FloatArray
    unit_R: IntArray
    free: Sequence[int]
    """Rows of runs of which those of different units differ in all sources; V is theirs."""


def variance_ratio(runs: Runs, arms: Sequence[Sequence[Block]]) -> Interval | None:
    """Return the mean variance within an arm's blocks over V, summed over arms; variances are means over samples.

    The interval is a jackknife over units and over FOLDS parts of the samples on the scale of the logarithm, with
    Student's t, and holds for new base points and new samples. Of a number a run, it holds for new base points, with a
    degree of freedom less. Its ends are None below FEWEST blocks (of a single block: runs), of a number a run below one
    more, and where the ratio comes to 0 without a unit; they are 0 where all runs of all blocks are equal. There is no
    ratio where V is not above 0, or where an arm has no block of two runs.

    Simulated coverage of nominal 95% is 96 to 100% for samples and 92 to 99% for a number a run, of which the sum of
    total shares falls to 90% where sources nearly add up (`benchmarks/sources.py`).
    """
    gram_FRR = _gram(runs.value_RN)
    gram_RR: FloatArray = gram_FRR.sum(axis=0)
    everyone = np.ones(len(runs.unit_R), dtype=np.bool_)
    value = _ratio(gram_RR, everyone, runs, arms)
    if value is None:
        return None
    without_unit = [_ratio(gram_RR, runs.unit_R != unit, runs, arms) for unit in np.unique(runs.unit_R)]
    without_fold = [_ratio(gram_RR - fold_RR, everyone, runs, arms) for fold_RR in gram_FRR]
    number = runs.value_RN.shape[1] == 1
    degrees = _degrees(arms) - number
    if value == 0 and degrees + 1 >= FEWEST:
        return Interval(0.0, None, None) if number else Interval(0.0, 0.0, 0.0)  # equal rates are common by chance
    over_units = _log_half_width(without_unit, degrees)
    over_samples = 0.0 if number else _log_half_width(without_fold, len(gram_FRR) - 1)
    if over_units is None or over_samples is None:
        return Interval(value, None, None)
    half = sqrt(over_units**2 + over_samples**2)
    return Interval(value, value * exp(-half), value * exp(half))


def _gram(value_RN: FloatArray) -> FloatArray:
    """Return (F, R, R): products of runs, summed over each part of the samples; all variances follow from these."""
    folds = min(FOLDS, value_RN.shape[1])
    return np.stack([value_RN[:, fold::folds] @ value_RN[:, fold::folds].T for fold in range(folds)])


def _ratio(gram_RR: FloatArray, kept_R: BoolArray, runs: Runs, arms: Sequence[Sequence[Block]]) -> float | None:
    free = [row for row in runs.free if kept_R[row]]
    total = _between_units(gram_RR[free][:, free], runs.unit_R[free])
    parts = [_within([[row for row in block if kept_R[row]] for block in arm], gram_RR) for arm in arms]
    known = [part for part in parts if part is not None]
    return None if total is None or total <= 0 or len(known) < len(parts) else sum(known) / total


def _between_units(gram_RR: FloatArray, unit_R: IntArray) -> float | None:
    """Return the mean of (f - g)^2 / 2 over pairs of units; of one run each, their variance (n - 1). None for one."""
    units = np.unique(unit_R)
    if len(units) < 2:
        return None
    mean_KR = (unit_R == units[:, None]) / (unit_R == units[:, None]).sum(axis=1, keepdims=True)
    product_KK = mean_KR @ gram_RR @ mean_KR.T
    squares = float((mean_KR @ gram_RR.diagonal()).mean())
    return _rounded(squares - float(product_KK.sum() - product_KK.trace()) / (len(units) * (len(units) - 1)), squares)


def _within(blocks: Sequence[Block], gram_RR: FloatArray) -> float | None:
    """Return the mean variance (n - 1) of blocks of two runs or more; None where there is none."""
    variances = []
    for block in blocks:
        if len(block) > 1:
            of_block = gram_RR[block][:, block]
            squares = float(of_block.trace())
            variances.append(_rounded(squares - float(of_block.sum()) / len(block), squares) / (len(block) - 1))
    return sum(variances) / len(variances) if variances else None


def _rounded(variance: float, squares: float) -> float:
    return 0.0 if abs(variance) <= TIE * squares else variance


def _degrees(arms: Sequence[Sequence[Block]]) -> int:
    """Return the degrees of freedom of the arm with fewest blocks, or of the runs of a single block."""
    counts = [[len(block) for block in arm if len(block) > 1] for arm in arms]
    return min((len(sizes) if len(sizes) > 1 else sizes[0]) - 1 for sizes in counts)


def _log_half_width(without: Sequence[float | None], degrees: int) -> float | None:
    """Return half the width of the interval of a logarithm by the jackknife; None where it is not determined."""
    logs = [log(ratio) for ratio in without if ratio]
    n = len(without)
    if len(logs) < n or min(n, degrees + 1) < FEWEST:
        return None
    mean = sum(logs) / n
    return t_quantile(degrees) * sqrt((n - 1) / n * sum((other - mean) ** 2 for other in logs))
