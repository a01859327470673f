"""Which source of randomness moves overthinking how much: first-order and total shares of its variance.

Overthinking is read in two ways: as an indicator of each sample, whose variance from training to training is averaged
over samples (which samples are overthought), and as a rate (how many are).
"""

from collections.abc import Collection, Mapping, Sequence
from math import inf
from typing import NamedTuple

import numpy as np

from overthink.metrics.overthinking import finally_overthought, overthought
from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.seeds import SOURCES, Seeds, Source, moving, sources_of
from overthink.statistics.jackknife import Interval
from overthink.statistics.sobol import Block, Runs, variance_ratio
from overthink.study.arms import ALL_SOURCES

Sources = frozenset[Source]


class Share(NamedTuple):
    """Of the variance of all sources together, what some of them have a part in."""

    total: Interval | None
    """E[Var(f | all others)] / Var(f): what they change alone and together with others. None without such an arm."""
    first_order: Interval | None
    """Var(E[f | these]) / Var(f): what they change alone, whatever the others. None without such an arm."""


class Shares(NamedTuple):
    """Of one reading of overthinking; fractions of its variance from training to training."""

    of: dict[str, Share]
    """By the names of sources: `init`, or `init, order` for two that vary together."""
    total_sum: Interval | None
    """Sum of the total shares of single sources; at least 1, and 1 where sources add up. None where one is missing."""
    first_order_sum: Interval | None
    """Sum of the first-order shares of single sources; at most 1. None where one is missing."""
    interaction: Interval | None
    """1 minus that sum: the variance that no source has alone. None where one is missing."""


class Reading(NamedTuple):
    """Of one definition of overthinking."""

    per_sample: Shares
    """Which samples: of the indicator's variance, mean over samples. Holds for new samples as well as new trainings."""
    rate: Shares
    """How many: of the rate's variance, for these test samples."""


class SourceShares(NamedTuple):
    """Shares by source in both definitions of overthinking. Around a single base point they hold for it alone."""

    base_points: int
    networks: int
    sources: tuple[Source, ...]
    """All that vary together in the arm `all`; its variance is the whole."""
    any_later: Reading
    final: Reading


class Layout(NamedTuple):
    """The runs of a study by what they have in common."""

    seeds: tuple[Seeds, ...]
    """Of each row."""
    units: tuple[int, ...]
    """Of each row: the base point; around a single one, the repeat."""
    free: tuple[int, ...]
    """Rows of which those of different units differ in all sources."""
    blocks: dict[Sources, list[Block]]
    """What varies -> a block of rows for each base point."""
    sources: Sources
    base_points: int


def source_shares(
    arms: Mapping[str, Sequence[Seeds]], correct_by_seeds: Mapping[Seeds, BoolArray]
) -> SourceShares | None:
    """Return the shares, from the seeds of a study's arms and what each finished run has right, exits by samples.

    None for a study without an arm `all`, or without any other arm that varies something.
    """
    laid = layout(arms, correct_by_seeds)
    if laid is None:
        return None
    any_later_RN = np.stack([overthought(correct_by_seeds[seeds]) for seeds in laid.seeds]).astype(np.float64)
    final_RN = np.stack([finally_overthought(correct_by_seeds[seeds]) for seeds in laid.seeds]).astype(np.float64)
    return SourceShares(
        base_points=laid.base_points,
        networks=len(laid.seeds),
        sources=_sorted(laid.sources),
        any_later=_reading(any_later_RN, laid),
        final=_reading(final_RN, laid),
    )


def layout(arms: Mapping[str, Sequence[Seeds]], finished: Collection[Seeds]) -> Layout | None:
    """Return the finished runs of a study by what they have in common; None where it has no shares."""
    whole = arms.get(ALL_SOURCES, ())
    sources = moving(sources_of(whole))
    others = [seeds for name, seeds in arms.items() if name != ALL_SOURCES and moving(sources_of(seeds))]
    bases = list(dict.fromkeys(seeds[0] for seeds in others))
    if not sources or not others:
        return None
    units: dict[Seeds, int] = {}
    for seeds in (*others, whole):
        for repeat, one in enumerate(seeds):
            own = bases.index(seeds[0]) if seeds is not whole else len(bases) + repeat
            units.setdefault(one, repeat if len(bases) == 1 else own)
    rows = {seeds: row for row, seeds in enumerate(seeds for seeds in units if seeds in finished)}
    blocks: dict[Sources, list[Block]] = {}
    for seeds in others:
        block = [rows[one] for one in seeds if one in rows]
        blocks.setdefault(frozenset(sources_of(seeds)), []).append(block)
    # Around a single base point, only runs of `all` are of different units and differ in everything.
    free = [row for seeds, row in rows.items() if len(bases) > 1 or seeds in whole]
    return Layout(tuple(rows), tuple(units[seeds] for seeds in rows), tuple(free), blocks, sources, len(bases))


def _reading(indicator_RN: FloatArray, laid: Layout) -> Reading:
    return Reading(_shares(indicator_RN, laid), _shares(indicator_RN.mean(axis=1, keepdims=True), laid))


def _shares(value_RN: FloatArray, laid: Layout) -> Shares:
    runs, every, bounded = Runs(value_RN, np.array(laid.units), laid.free), laid.sources, laid.base_points > 1

    def ratio(varied: Sequence[Sources]) -> Interval | None:
        arms = [laid.blocks[one] for one in varied if one in laid.blocks]
        return variance_ratio(runs, arms) if len(arms) == len(varied) else None

    def total(varied: Sequence[Sources]) -> Interval | None:
        most = float(len(varied)) if bounded and all(one <= every for one in varied) else inf
        return _between(ratio(varied), 0.0, most)

    def first_order(alone: Sequence[Sources]) -> Interval | None:
        least = 0.0 if bounded else -inf
        return _between(_less(len(alone), ratio([every - one for one in alone])), least, 1.0)

    singles = [frozenset([source]) for source in _sorted(every)]
    found = {
        ", ".join(_sorted(one)): Share(total([one]), first_order([one]) if one < every else None)
        for one in _named(laid)
    }
    summed = first_order(singles)
    interaction = _less(1, summed)
    return Shares(found, total(singles), summed, interaction)


def _named(laid: Layout) -> list[Sources]:
    """Return sets of sources that have a share: single ones first, then those that vary together in an arm."""
    left_alone = [laid.sources - varied for varied in laid.blocks if varied < laid.sources]
    singles = {one for one in (*laid.blocks, *left_alone) if len(one) == 1}
    together = [one for one in laid.blocks if len(one) > 1 and len(laid.sources - one) != 1]
    return [*sorted(singles, key=_order), *together]


def _order(sources: Sources) -> int:
    return min(map(SOURCES.index, sources))


def _sorted(sources: Sources) -> tuple[Source, ...]:
    return tuple(source for source in SOURCES if source in sources)


def _less(whole: float, found: Interval | None) -> Interval | None:
    """Return a whole minus an interval."""
    if found is None:
        return None
    low, high = (None if end is None else whole - end for end in (found.high, found.low))
    return Interval(whole - found.value, low, high)


def _between(found: Interval | None, least: float, most: float) -> Interval | None:
    """Return an interval between bounds of what is possible.

    An estimate beyond a bound is moved onto it, which brings it nearer to the truth; the other end moves along.
    """
    if found is None:
        return None
    value = min(max(found.value, least), most)
    if found.low is None or found.high is None:
        return Interval(value, None, None)
    moved = value - found.value
    return Interval(value, max(least, found.low + min(moved, 0)), min(most, found.high + max(moved, 0)))
