"""The key test: whether exits of one network are more closely coupled than exits of different runs.

P(exit i right, exit j wrong) within one network, against the same across networks that differ in their randomness
only: exit i from one repeat, exit j from another. Equal: exits of one network are coupled no more than exits of
different runs, and overthinking is what any two classifiers of that accuracy show. Less within: that much is shared.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.statistics.crossed import crossed_parts, leave_out
from overthink.statistics.jackknife import Interval


class Coupled(NamedTuple):
    """A probability within networks, across them, and within minus across; intervals over new trainings and samples."""

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
    """Return how often two events coincide within a model and across two, with intervals over trainings and samples."""
    left_out = leave_out(lambda models: _coincidences(first_RN, second_RN, models), len(first_RN))
    return Coupled(*crossed_parts(left_out, differences={2}))


def _coincidences(first_RN: BoolArray, second_RN: BoolArray, models: Sequence[int]) -> FloatArray:
    """Return (3, N): shares of models and of ordered pairs in which both happen, and their difference.

    The difference is one of whole numbers, so that equal models differ by 0 and not by a rounding.
    """
    n, chosen = len(models), list(models)
    first_N, second_N = first_RN[chosen].sum(axis=0), second_RN[chosen].sum(axis=0)
    own_N = (first_RN[chosen] & second_RN[chosen]).sum(axis=0)
    others_N = first_N * second_N - own_N
    return np.stack([own_N / n, others_N / (n * (n - 1)), (own_N * (n - 1) - others_N) / (n * (n - 1))])
