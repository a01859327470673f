"""In which order exits learn samples: two exits of one network, and two of different trainings, which is the null.

Spearman's correlation of learning times (`times.for_good`) over samples; those never learned come last, together.
"""

from typing import NamedTuple

import numpy as np

from overthink.dynamics.over_runs import leaving_out_trainings, over_pairs, over_seeds
from overthink.metrics.agreement import confidence_ranks, rank_correlation
from overthink.predictions.arrays import BoolArray, FloatArray, IntArray
from overthink.statistics.jackknife import Interval

PARTS = 3
"""Of the samples by how far the orders differ: equally many each."""


class LearningOrder(NamedTuple):
    """Correlations of the learning order; what compares trainings is None for one, or where samples differ."""

    within_EE: FloatArray
    """Of two exits of one network, mean over networks."""
    across_EE: FloatArray | None
    """Of an exit of one training (row) and an exit of another (column), mean over ordered pairs of trainings."""
    exits: Interval | None
    """Mean over pairs of different exits of one network; None for a single exit."""
    exits_across: Interval | None
    """The same with the two exits in two trainings: the null."""
    difference: Interval | None
    """The first minus the second: what exits share because they are of one training."""
    same_exit_across: Interval | None
    """Of one exit in two trainings."""


def learning_order(time_REN: IntArray) -> LearningOrder | None:
    """Return the correlations, given the learning times of trainings on the same samples.

    None where an exit learns all samples at one moment, or none.
    """
    repeats, n_exits, n_samples = time_REN.shape
    if n_samples < 2 or (time_REN == time_REN[:, :, :1]).all(axis=2).any():
        return None
    flat = rank_correlation(time_REN.reshape(repeats * n_exits, n_samples).astype(np.float64))
    of_pairs_RERE = flat.reshape(repeats, n_exits, repeats, n_exits)
    within_REE = np.stack([of_pairs_RERE[run, :, run] for run in range(repeats)])
    apart_EE = ~np.eye(n_exits, dtype=np.bool_)
    several = n_exits > 1
    exits = over_seeds([float(one_EE[apart_EE].mean()) for one_EE in within_REE]) if several else None
    if repeats < 2:
        return LearningOrder(within_REE[0], None, exits, None, None, None)
    of_pairs_RREE = of_pairs_RERE.transpose(0, 2, 1, 3)
    across_EE = of_pairs_RREE[~np.eye(repeats, dtype=np.bool_)].mean(axis=0)
    same_RR = np.trace(of_pairs_RREE, axis1=2, axis2=3) / n_exits
    other_RR = of_pairs_RREE[:, :, apart_EE].mean(axis=2) if several else None
    return LearningOrder(
        within_REE.mean(axis=0),
        across_EE,
        exits,
        None if other_RR is None else over_pairs(other_RR),
        None if other_RR is None else _difference(other_RR),
        over_pairs(same_RR),
    )


def _difference(other_RR: FloatArray) -> Interval:
    """Return the mean of the diagonal (one training) minus that off it (two), leaving out trainings."""

    def value(of_RR: FloatArray) -> float:
        apart_RR = ~np.eye(len(of_RR), dtype=np.bool_)
        return float(np.diag(of_RR).mean() - of_RR[apart_RR].mean())

    return leaving_out_trainings(other_RR, value)


def parts_by_disorder(time_REN: IntArray) -> IntArray:
    """Return (R, 2, N): into which third a sample falls by how far orders differ, seen in the other trainings.

    First by how far exits of one network differ: the standard deviation over exits of the sample's rank, mean over the
    other trainings. Then by how far trainings differ: the standard deviation over them of its mean rank. A training's
    own course is left out: an exit that is wrong at the end has never learned the sample, so overthinking would
    explain itself. Raises ValueError for fewer than three trainings.
    """
    repeats = len(time_REN)
    if repeats < 3:
        raise ValueError(f"orders of other trainings take at least three trainings, got {repeats}")
    rank_REN = np.stack([confidence_ranks(time_EN.astype(np.float64)) for time_EN in time_REN])
    of_exits_RN, mean_RN = rank_REN.std(axis=1), rank_REN.mean(axis=1)
    others = [[other for other in range(repeats) if other != run] for run in range(repeats)]
    disorder_R2N = np.stack(
        [np.stack([of_exits_RN[those].mean(axis=0), mean_RN[those].std(axis=0)]) for those in others]
    )
    place_R2N = np.stack([confidence_ranks(disorder_2N) for disorder_2N in disorder_R2N])
    return np.minimum((PARTS * place_R2N).astype(np.int64), PARTS - 1)


def overthinking_by_disorder(part_R2N: IntArray, overthought_RN: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return two (PARTS, PARTS): overthinking of the samples of each part, mean over trainings, and their share.

    Rows: how far exits of one network differ; columns: how far trainings differ. NaN where there is no sample.
    """
    cell_RN = PARTS * part_R2N[:, 0] + part_R2N[:, 1]
    count = np.bincount(cell_RN.ravel(), minlength=PARTS**2).astype(np.float64)
    hits = np.bincount(cell_RN.ravel(), weights=overthought_RN.ravel(), minlength=PARTS**2)
    with np.errstate(invalid="ignore"):
        rate = hits / count
    return rate.reshape(PARTS, PARTS), (count / cell_RN.size).reshape(PARTS, PARTS)
