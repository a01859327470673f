"""The key test: whether exits of one network are more closely coupled than exits of different runs.

P(exit i right, exit j wrong) within one network, against the same across networks that differ in their randomness
only: exit i from one repeat, exit j from another. Equal: exits of one network are coupled no more than exits of
different runs, and overthinking is what any two classifiers of that accuracy show. Less within: that much is shared.
"""

from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.statistics.jackknife import Interval, over_models


class Coupled(NamedTuple):
    """A probability within networks, across them, and within minus across over models."""

    within: Interval
    across: Interval
    difference: Interval

    @property
    def share(self) -> float | None:
        """How much less frequent it is within than across, as a share of across; None where it never happens."""
        return None if self.across.value <= 0 else -self.difference.value / self.across.value


def coupling(correct_REN: BoolArray) -> dict[tuple[int, int], Coupled]:
    """Return, for each pair of exits i < j (numbered from 1), P(i right, j wrong). Raises ValueError for one model."""
    _check(correct_REN)
    n_exits = correct_REN.shape[1]
    return {
        (i + 1, j + 1): _coupled(correct_REN[:, i], ~correct_REN[:, j])
        for i in range(n_exits)
        for j in range(i + 1, n_exits)
    }


def final_coupling(correct_REN: BoolArray) -> Coupled:
    """Return the same for final overthinking: an earlier exit right, all of one network, and the last exit wrong."""
    _check(correct_REN)
    earlier_RN: BoolArray = np.asarray(correct_REN[:, :-1].any(axis=1))
    return _coupled(earlier_RN, ~correct_REN[:, -1])


def _check(correct_REN: BoolArray) -> None:
    if len(correct_REN) < 2:
        raise ValueError(f"coupling compares models, and there is {len(correct_REN)}")


def _coupled(first_RN: BoolArray, second_RN: BoolArray) -> Coupled:
    """Return how often two events coincide within a model and across two, by the (R, R) table of their coincidences."""
    # Counts of samples: exact in float32 up to 16 million, and a product of matrices is the fastest way there.
    count_RR = (first_RN.astype(np.float32) @ second_RN.T.astype(np.float32)).astype(np.float64)
    both_RR: FloatArray = count_RR / first_RN.shape[1]

    def within(models: list[int]) -> float:
        return float(both_RR[models, models].mean())

    def across(models: list[int]) -> float:
        of_models = both_RR[np.ix_(models, models)]
        return float((of_models.sum() - of_models.trace()) / (len(models) * (len(models) - 1)))

    def difference(models: list[int]) -> float:
        """Subtract whole numbers, so that equal models differ by 0 and not by a rounding."""
        counts, others = count_RR[np.ix_(models, models)], len(models) - 1
        own = counts.trace()
        return float((own * others - (counts.sum() - own)) / (len(models) * others * first_RN.shape[1]))

    repeats = len(first_RN)
    return Coupled(*(over_models(statistic, repeats) for statistic in (within, across, difference)))
