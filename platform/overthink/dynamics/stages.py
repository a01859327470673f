"""The stages of a training: what lies between two drops of the learning rate, or between two phases."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from overthink.predictions.course import Moment


class Stage(NamedTuple):
    """Moments in a row of one phase and one learning rate."""

    phase: int
    lr: float
    start: int
    """Number of its first moment, counted from 0."""
    stop: int
    """Number of the moment behind its last."""


def stages(moments: Sequence[Moment]) -> tuple[Stage, ...]:
    """Return the stages of a training.

    >>> [stage.start for stage in stages([Moment(1.0, 9, 1, 0.1), Moment(2.0, 18, 1, 0.1), Moment(3.0, 27, 1, 0.01)])]
    [0, 2]
    """
    changes = [
        number
        for number, (before, after) in enumerate(pairwise(moments), start=1)
        if (before.phase, before.lr) != (after.phase, after.lr)
    ]
    borders = [0, *changes, len(moments)]
    return tuple(Stage(moments[start].phase, moments[start].lr, start, stop) for start, stop in pairwise(borders))
