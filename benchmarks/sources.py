"""Coverage of the intervals of source shares, simulated where the true shares are known.

A sample is overthought where a sum of four sources' effects, and one of their combination, exceeds the sample's
threshold (probit). A part of each effect is common to all samples of a run, so that rates vary. Shares follow from
bivariate normal probabilities: the sums of two runs correlate by what they have in common.
"""

from collections.abc import Iterator
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy.stats import multivariate_normal, norm

from overthink.predictions.arrays import BoolArray, FloatArray
from overthink.seeds import STREAMS, Seeds
from overthink.statistics.jackknife import Interval
from overthink.study.decomposition import decomposition
from overthink.study.design import seeds_of_arms, sobol_arms
from overthink.study.sources import SourceShares, source_shares

DRAWS = 300
DESIGNS = ((3, 2), (5, 2), (5, 4), (8, 2), (12, 2))
"""Base points and repeats."""
THRESHOLDS = (2.0, 1.3, 0.8, 0.3)
"""Of a quarter of the samples each: overthought by 2, 10, 21 and 38% of all trainings."""
READINGS = ("samples", "rate")


class World(NamedTuple):
    """Where training's randomness comes from, in a world whose shares are known."""

    name: str
    weights: tuple[float, ...]
    """Of each source in the variance of the sum; the rest belongs to the combination of all."""
    common: float = 0.1
    """Part of each effect that all samples of a run share."""
    samples: int = 400

    @property
    def together(self) -> float:
        return max(0.0, 1 - sum(self.weights))

    @property
    def thresholds(self) -> FloatArray:
        return np.repeat(THRESHOLDS, self.samples // len(THRESHOLDS))


WORLDS = (
    World("sources add up", (0.5, 0.3, 0.15, 0.05)),
    World("half combined", (0.25, 0.15, 0.07, 0.03)),
    World("nearly all combined", (0.02, 0.02, 0.02, 0.02)),
)


class Trainings:
    """Runs in a world; a source's effect depends on its seed alone."""

    def __init__(self, world: World, draw: int) -> None:
        self.world, self._draw = world, draw
        self._effects: dict[tuple[str, str], FloatArray] = {}

    def effect(self, source: str, seed: str, weight: float) -> FloatArray:
        if (source, seed) not in self._effects:
            random = np.random.default_rng([self._draw, len(self._effects)])
            own_N = random.standard_normal(self.world.samples)
            common, part = random.standard_normal(), self.world.common
            self._effects[source, seed] = sqrt(weight) * (sqrt(part) * common + sqrt(1 - part) * own_N)
        return self._effects[source, seed]

    def sum_of(self, seeds: Seeds, *without: str) -> FloatArray:
        weights = {one: weight for one, weight in zip(STREAMS, self.world.weights, strict=True) if one not in without}
        parts = [self.effect(one, str(getattr(seeds, one)), weight) for one, weight in weights.items()]
        return np.asarray(np.sum([np.zeros(self.world.samples), *parts], axis=0))

    def correct(self, seeds: Seeds) -> BoolArray:
        """What two exits have right: the first everything, the second what is not overthought."""
        sum_N = self.sum_of(seeds) + self.effect("together", seeds.label, self.world.together)
        return np.stack([np.ones(len(sum_N), dtype=np.bool_), sum_N <= self.world.thresholds])


def main() -> str:
    """Return coverage in percent, by world and design."""
    lines = [
        f"{DRAWS} draws, 95% intervals that hold the true value, percent: total share, first-order share, sum of "
        "totals, interaction; median width of the interaction's"
    ]
    for world in WORLDS:
        true = [true_shares(world, rate) for rate in (False, True)]
        for points, repeats in DESIGNS:
            lines += _lines(world, points, repeats, true)
        before, after = around_one(world, 8, DRAWS)
        lines.append(
            f"{world.name}, one base point x 8, total share by sample: {100 * after:.0f}; before {100 * before:.0f}"
        )
    return "\n  ".join(lines)


def _lines(world: World, points: int, repeats: int, true: list[dict[str, float]]) -> Iterator[str]:
    found = [studied(world, points, repeats, draw) for draw in range(DRAWS)]
    for reading, true_of in zip(READINGS, true, strict=True):
        held = {
            key: np.mean([holds(intervals(one, reading)[key], value) for one in found])
            for key, value in true_of.items()
        }
        kinds = ("total ", "first ", "sum of totals", "interaction")
        shown = [100 * np.mean([part for key, part in held.items() if key.startswith(kind)]) for kind in kinds]
        width = np.median([_width(intervals(one, reading)["interaction"]) for one in found])
        numbers = ", ".join(f"{number:.0f}" for number in shown)
        yield f"{world.name}, {points} x {repeats} ({found[0].networks} networks), {reading}: {numbers}; {width:.2f}"


def _width(found: Interval | None) -> float:
    """Return the width of a share's interval; that of one that is not determined is 1."""
    return 1.0 if found is None or found.low is None or found.high is None else found.high - found.low


def studied(world: World, points: int, repeats: int, draw: int) -> SourceShares:
    """Return what a study of a Sobol design finds."""
    arms = seeds_of_arms(sobol_arms(STREAMS), repeats, points)
    trainings = Trainings(world, draw)
    found = source_shares(arms, {seeds: trainings.correct(seeds) for arm in arms.values() for seeds in arm})
    assert found is not None
    return found


def intervals(found: SourceShares, reading: str) -> dict[str, Interval | None]:
    """Return the shares of a reading by name, as `true_shares` names them."""
    shares = found.any_later.per_sample if reading == READINGS[0] else found.any_later.rate
    return {
        **{f"total {source}": share.total for source, share in shares.of.items()},
        **{f"first {source}": share.first_order for source, share in shares.of.items()},
        "sum of totals": shares.total_sum,
        "interaction": shares.interaction,
    }


def holds(found: Interval | None, value: float) -> bool:
    """Whether an interval holds a value; one that is not determined does."""
    if found is None or found.low is None or found.high is None:
        return True
    return found.low <= value + 1e-9 and value - 1e-9 <= found.high


def true_shares(world: World, rate: bool) -> dict[str, float]:
    """Return the shares of a reading, from the covariance of runs that have part of the sum in common."""
    whole = _covariance(world, 1.0, rate)
    first = [_covariance(world, weight, rate) / whole for weight in world.weights]
    total = [1 - _covariance(world, 1 - weight - world.together, rate) / whole for weight in world.weights]
    return {
        **{f"total {source}": share for source, share in zip(STREAMS, total, strict=True)},
        **{f"first {source}": share for source, share in zip(STREAMS, first, strict=True)},
        "sum of totals": sum(total),
        "interaction": 1 - sum(first),
    }


def _covariance(world: World, shared: float, rate: bool) -> float:
    """Return the covariance of two runs' indicators, mean over samples, or of their rates."""
    own = np.mean([_joint(a, a, shared) for a in THRESHOLDS])
    if not rate:
        return float(own)
    others = np.mean([_joint(a, b, world.common * shared) for a in THRESHOLDS for b in THRESHOLDS])
    same = np.mean([_joint(a, a, world.common * shared) for a in THRESHOLDS])
    return float(others + (own - same) / world.samples)


def _joint(a: float, b: float, correlation: float) -> float:
    """Return the covariance of two standard normal values exceeding these thresholds."""
    apart = float(norm.sf(a) * norm.sf(b))
    if correlation > 1 - 1e-9:
        return float(norm.sf(max(a, b))) - apart
    return float(multivariate_normal.cdf([-a, -b], cov=[[1, correlation], [correlation, 1]])) - apart


def around_one(world: World, repeats: int, draws: int) -> tuple[float, float]:
    """Return how often intervals of total shares around one base point hold: with V as if it were exact, and now."""
    arms = seeds_of_arms({"all": STREAMS} | {source: (source,) for source in STREAMS}, repeats)
    whole = _covariance(world, 1.0, rate=False)
    before, after = [], []
    for draw in range(draws):
        trainings = Trainings(world, draw)
        correct = {seeds: trainings.correct(seeds) for arm in arms.values() for seeds in arm}
        found = source_shares(arms, correct)
        assert found is not None
        within = {
            name: decomposition(np.stack([~correct[seeds][1] for seeds in arm])).within_samples
            for name, arm in arms.items()
        }
        for source, weight in zip(STREAMS, world.weights, strict=True):
            left_N = (world.thresholds - trainings.sum_of(arms[source][0], source)) / sqrt(
                weight + world.together + 1e-12
            )
            true = float(np.mean(norm.sf(left_N) * norm.cdf(left_N))) / whole
            value, low, high = within[source]
            ends = (None if end is None else end / within["all"].value for end in (low, high))
            exact = Interval(value / within["all"].value, *ends)
            before.append(holds(exact, true))
            after.append(holds(found.any_later.per_sample.of[source].total, true))
    return float(np.mean(before)), float(np.mean(after))
