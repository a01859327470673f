"""A number over groups of runs, which differ in more than their seeds: each group counts once."""

from collections.abc import Sequence
from math import fsum
from typing import NamedTuple

from overthink.statistics.estimate import Estimate


class OverGroups(NamedTuple):
    """A number over groups, in its own unit; no estimate: there is no deviation and no interval over seeds."""

    mean: float
    """Mean over groups of their means over seeds."""
    lowest: float
    highest: float
    """Of the groups' means."""
    n: tuple[int, ...]
    """Runs behind the mean of each group, in the order of the groups; a group of 0 does not count."""


def over_groups(estimates: Sequence[Estimate | None]) -> OverGroups | None:
    """Return mean, lowest and highest of the means of groups; None where no group has a number."""
    means = [one.mean for one in estimates if one is not None]
    if not means:
        return None
    n = tuple(0 if one is None else one.n for one in estimates)
    return OverGroups(fsum(means) / len(means), min(means), max(means), n)
