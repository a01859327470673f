"""Means over trainings with intervals: for new trainings and samples where all recorded the same samples.

Else, as where each training validates on its own samples, for new trainings alone.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.statistics.crossed import crossed_jackknife, crossed_mean, leave_out, seen_alike
from overthink.statistics.estimate import estimate
from overthink.statistics.jackknife import FEWEST, Interval, jackknife

ArrayOfRun = FloatArray | BoolArray


class OverRuns(NamedTuple):
    """How means over trainings are taken."""

    crossed: bool
    """Whether all trainings recorded the same samples."""

    def mean(self, values_RN: Sequence[ArrayOfRun]) -> Interval:
        """Return the mean of what each training (R) has of each sample (N)."""
        if self.crossed:
            return crossed_mean(np.stack(values_RN).astype(np.float64))
        found = over_seeds([float(values_N.mean()) for values_N in values_RN])
        return _exact(found, values_RN, sum(len(values_N) for values_N in values_RN), fewest=2)

    def ratio(self, part_RN: Sequence[ArrayOfRun], whole_RN: Sequence[ArrayOfRun]) -> Interval | None:
        """Return the sum of the parts over that of the wholes; None where there is no whole.

        Where trainings recorded other samples, it is the mean of each one's own ratio.
        """
        if not any(whole_N.any() for whole_N in whole_RN):
            return None
        if not self.crossed:
            pairs = zip(part_RN, whole_RN, strict=True)
            shares = over_seeds([float(part_N.sum() / whole_N.sum()) for part_N, whole_N in pairs if whole_N.any()])
            return _exact(shares, part_RN, sum(int(whole_N.astype(bool).sum()) for whole_N in whole_RN), fewest=2)
        both_RKN = np.stack([np.stack(pair) for pair in zip(part_RN, whole_RN, strict=True)]).astype(np.float64)
        left_out = leave_out(lambda runs: np.asarray(both_RKN[list(runs)].mean(axis=0)), len(both_RKN))
        of_some_N = both_RKN[:, 1].any(axis=0)
        return _exact(crossed_jackknife(left_out, _over), part_RN, int(of_some_N.sum()), fewest=FEWEST)


def _exact(found: Interval, flags_RN: Sequence[ArrayOfRun], n_samples: int, fewest: int) -> Interval:
    """Return the exact interval of a share that no sample has, or all have, in so many trainings: it has a width."""
    is_share = all(flags_N.dtype == np.bool_ for flags_N in flags_RN)
    if len(flags_RN) < fewest or found.value not in (0.0, 1.0) or not is_share:
        return found
    return seen_alike(found.value, n_samples)


def over_seeds(value_R: Sequence[float]) -> Interval:
    """Return the mean of a number that each training has, with its interval for new trainings."""
    found = estimate(value_R)
    return Interval(found.mean, found.low, found.high)


def over_pairs(value_RR: FloatArray) -> Interval:
    """Return the mean over all ordered pairs of different trainings; its interval leaves out trainings, never pairs."""
    return leaving_out_trainings(value_RR, lambda of_RR: float(of_RR[~np.eye(len(of_RR), dtype=np.bool_)].mean()))


def leaving_out_trainings(value_RR: FloatArray, of: Callable[[FloatArray], float]) -> Interval:
    """Return a number of all pairs of trainings; its interval leaves out trainings, and has none for fewer than 3."""
    n = len(value_RR)
    without = [np.delete(np.delete(value_RR, out, 0), out, 1) for out in range(n)] if n > 2 else []
    return jackknife(of(value_RR), [of(one_RR) for one_RR in without])


def _over(mean_K: FloatArray) -> float:
    return float(mean_K[0] / mean_K[1]) if mean_K[1] > 0 else float("nan")
