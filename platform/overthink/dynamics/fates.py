"""Who was right first: whether the exits that are wrong at the end had forgotten, or had never learned."""

from typing import NamedTuple

import numpy as np

from overthink.dynamics.times import first_time
from overthink.metrics.overthinking import finally_overthought, overthought
from overthink.predictions.arrays import BoolArray


class Fates(NamedTuple):
    """Of the samples overthought at the end, which came to it how; each is bool (N,), and they exclude each other."""

    lost_first: BoolArray
    """A later exit had been right no later than the earlier one, and lost it."""
    lost_after: BoolArray
    """A later exit had been right for the first time after the earlier one, and lost it."""
    never: BoolArray
    """No later exit that is wrong had ever been right."""


def fates(correct_TEN: BoolArray) -> Fates:
    """Return the fates of the samples overthought at the end by the definition `any later`."""
    found = _fates(correct_TEN, range(1, correct_TEN.shape[1]))
    return _of(found, overthought(correct_TEN[-1]))


def final_fates(correct_TEN: BoolArray) -> Fates:
    """Return the fates of the samples overthought at the end by the definition `final`: the later exit is the last."""
    n_exits = correct_TEN.shape[1]
    found = _fates(correct_TEN, range(max(n_exits - 1, 1), n_exits))
    return _of(found, finally_overthought(correct_TEN[-1]))


def _fates(correct_TEN: BoolArray, later: range) -> tuple[BoolArray, BoolArray]:
    """Return for each sample whether a later exit, wrong at the end, had been right: first, and at all."""
    never, first_EN, at_end_EN = len(correct_TEN), first_time(correct_TEN), correct_TEN[-1]
    was_first_N, was_right_N = np.zeros((2, correct_TEN.shape[2]), dtype=np.bool_)
    for exit in later:
        earlier_N = np.where(at_end_EN[:exit], first_EN[:exit], never).min(axis=0)
        lost_N = (earlier_N < never) & ~at_end_EN[exit] & (first_EN[exit] < never)
        was_first_N |= lost_N & (first_EN[exit] <= earlier_N)
        was_right_N |= lost_N
    return was_first_N, was_right_N


def _of(found: tuple[BoolArray, BoolArray], overthought_N: BoolArray) -> Fates:
    was_first_N, was_right_N = found
    return Fates(was_first_N, was_right_N & ~was_first_N, overthought_N & ~was_right_N)


def once_right_errors(correct_TEN: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Return the last exit's other errors, which no exit gets right at the end, and those of them once right, (N,).

    How often the last exit forgets what it does not overthink: what the fates compare with.
    """
    plain_N: BoolArray = np.asarray(~correct_TEN[-1].any(axis=0))
    return plain_N, plain_N & correct_TEN[:, -1].any(axis=0)
