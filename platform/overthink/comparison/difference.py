"""What the paired values of two rows show of one metric: the difference, its interval, tests, and seeds needed."""

from collections.abc import Sequence
from typing import NamedTuple

from overthink.comparison.ranges import cut, range_of_difference
from overthink.statistics.estimate import estimate
from overthink.statistics.paired_tests import (
    HolmStep,
    effect_size,
    equivalence_p,
    holm,
    least_sign_flip_p,
    paired_t,
    share_above,
    sign_flip_p,
)
from overthink.statistics.power import seeds_needed

FEWEST = 3
"""Seeds below which their spread is not known well enough to count the seeds that are needed."""


class Difference(NamedTuple):
    """A row minus a baseline, over the seeds that both have, as a fraction; one comparison of a table of several."""

    n: int
    mean: float
    std: float | None
    low: float | None
    high: float | None
    """Ends of the interval of the mean, at the level at which Holm's procedure tests this comparison.

    None for one seed, and where the difference is the same for all seeds; so are `p`, `equal_p` and the next two.
    """
    simultaneous_low: float | None
    simultaneous_high: float | None
    """Ends of the interval that holds at once with those of all comparisons, with a chance of 95%."""
    comparisons: int
    """How many the table makes."""
    p: float | None
    """Of the paired t-test, adjusted by Holm's procedure; at most 0.05 just where the interval excludes 0."""
    sign_flip_p: float
    """Of the exact sign-flip test, times the comparisons; decides nothing."""
    sign_flip_least_p: float
    """The least that `sign_flip_p` can be with so many seeds and comparisons."""
    effect: float | None
    """Hedges's g of the paired differences; None for fewer than three seeds."""
    share_higher: float
    """P(row > baseline) for one seed, ties half: the probability of improvement where higher is better."""
    share_higher_low: float
    share_higher_high: float
    """Ends of its interval (Clopper and Pearson)."""
    seeds_needed: int | None
    """Seeds that would show a true difference of `mean`, or of `margin` where there is one, with a chance of 80%.

    At the observed spread; 1001 for more than 1000, None for fewer than three seeds.
    """
    margin: float | None
    """Largest difference that counts as equal, chosen beforehand; None where none was."""
    equal_p: float | None
    """Of a true difference of `margin` or more; at most 0.05 where the simultaneous interval keeps within it."""


def difference_of(
    metric: str,
    values: Sequence[float],
    comparisons: int = 1,
    margin: float | None = None,
    step: HolmStep | None = None,
) -> Difference:
    """Return what the paired values of a metric, row minus baseline, show as one of so many comparisons.

    `step` is how Holm's procedure tests it; without one, as the first of all. Raises ValueError for no values.
    """
    n, mean, std, *_ = estimate(values)
    allowed, higher = range_of_difference(metric), share_above(values, comparisons)
    together = paired_t(values, comparisons)
    test = paired_t(values, step.among) if step else together
    sought = mean if margin is None else margin
    return Difference(
        n=n,
        mean=mean,
        std=std,
        low=cut(test.low, allowed) if test else None,
        high=cut(test.high, allowed) if test else None,
        simultaneous_low=cut(together.low, allowed) if together else None,
        simultaneous_high=cut(together.high, allowed) if together else None,
        comparisons=comparisons,
        p=(step.p if step else test.p) if test else None,
        sign_flip_p=min(1.0, comparisons * sign_flip_p(values)),
        sign_flip_least_p=min(1.0, comparisons * least_sign_flip_p(n)),
        effect=effect_size(values),
        share_higher=higher.value,
        share_higher_low=higher.low,
        share_higher_high=higher.high,
        seeds_needed=seeds_needed(sought, std, comparisons) if test and std and n >= FEWEST else None,
        margin=margin,
        equal_p=None if margin is None else equivalence_p(values, margin, comparisons),
    )


def differences_of(metrics: Sequence[str], values: Sequence[Sequence[float]], margin: float | None) -> list[Difference]:
    """Return the differences of a table, corrected for all of its comparisons: those of two seeds or more."""
    comparisons = max(sum(len(of_one) > 1 for of_one in values), 1)
    tests = [paired_t(of_one) for of_one in values]
    steps = iter(holm([test.p for test in tests if test], comparisons))
    return [
        difference_of(metric, of_one, comparisons, margin, next(steps) if test else None)
        for metric, of_one, test in zip(metrics, values, tests, strict=True)
    ]
